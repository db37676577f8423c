import { expect } from "@playwright/test";
import { countInstances, create, createdBy, createReady, runLifecycle } from "./kit/instance-lifecycle";
import { openCloud, test } from "./kit/portal";

test.beforeEach(async ({ page, portal }) => {
  await openCloud(page, portal.url);
});

test("create, start, stop, remove: an instance's lifecycle, with all lines of the Worklog", async ({
  page,
}) => {
  await runLifecycle(page);
});

test("a double click sends one command", async ({ page }) => {
  const before = await countInstances(page);
  const posted: string[] = [];
  page.on("request", request => {
    if (request.method() === "POST") posted.push(request.url());
  });
  const id = await createdBy(page, async () => {
    await page.getByRole("button", { name: "Create server" }).dblclick();
    await page.getByRole("dialog").getByRole("button", { name: "Create", exact: true }).dblclick();
  });
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  expect(posted).toHaveLength(1);
  expect(await countInstances(page)).toBe(before + 1);
});

test("a held Enter sends one command", async ({ page }) => {
  const posted: string[] = [];
  page.on("request", request => {
    if (request.method() === "POST") posted.push(request.url());
  });
  const id = await createdBy(page, async () => {
    await page.getByRole("button", { name: "Create server" }).focus();
    // Pressed again without being released, a key repeats.
    for (let n = 0; n < 20; n += 1) await page.keyboard.down("Enter");
    await expect(page.getByRole("dialog")).toBeVisible();
    for (let n = 0; n < 20; n += 1) await page.keyboard.down("Enter");
    expect(posted).toEqual([]);
    await page.keyboard.up("Enter");
    for (let n = 0; n < 20; n += 1) await page.keyboard.down("Enter");
    await page.keyboard.up("Enter");
  });
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  expect(posted).toHaveLength(1);
});

test("the commands of others are visible, and errors are shown as text", async ({
  browser,
  page,
  portal,
}) => {
  const other = await (await browser.newContext()).newPage();
  await openCloud(other, portal.url);
  const id = await create(other);
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  // Simulate an outdated page: send a command that the state doesn't allow.
  await page.route("**/start", route =>
    route.continue({ url: route.request().url().replace("/start", "/stop") }),
  );
  await page.getByRole("button", { name: `Start ${id}` }).click();
  await expect(page.getByRole("article", { name: id }).locator(".problem")).toContainText("Start rejected:");
  await expect(page.locator(".log-entry[data-failed=true]").first()).toContainText("rejected:");
  await other.context().close();
});

test("after an absence, the page summarizes the missed events", async ({ page, portal }) => {
  await createReady(page);
  // Set before the page's own scripts save the current time.
  await page.addInitScript(scope => {
    const anHourAgo = { seq: 0, at: Date.now() - 3_600_000 };
    localStorage.setItem(`opsroom.cloudSeen.${scope}`, JSON.stringify(anHourAgo));
  }, portal.url);
  await page.reload();
  const notice = page.locator(".notice.calm");
  await expect(notice).toContainText("While you were away (1 hour)");
  await expect(notice).toContainText(/\d+ created/);
  await notice.getByRole("button", { name: "Got it" }).click();
  await expect(notice).toHaveCount(0);
});
