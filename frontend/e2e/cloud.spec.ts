import { expect } from "@playwright/test";
import { countAll, create, createdBy, createWhole, liveThrough } from "./life";
import { test } from "./portal";

test.beforeEach(async ({ page, portal }) => {
  await page.goto(`${portal.url}/#/cloud`);
  await expect(page.locator(".connection")).toContainText("Live");
});

test("create, start, stop, remove, with the Worklog line by line", async ({ page }) => {
  await liveThrough(page);
});

test("a double click is one command", async ({ page }) => {
  const before = await countAll(page);
  const asked: string[] = [];
  page.on("request", request => {
    if (request.method() === "POST") asked.push(request.url());
  });
  const id = await createdBy(page, () =>
    page.getByRole("button", { name: "Create new instance" }).dblclick(),
  );
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  expect(asked).toHaveLength(1);
  expect(await countAll(page)).toBe(before + 1);
});

test("what another does is seen, and a refusal is said in words", async ({ browser, page, portal }) => {
  const other = await (await browser.newContext()).newPage();
  await other.goto(`${portal.url}/#/cloud`);
  const id = await create(other);
  await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  // The server is told twice by someone whose page is behind.
  await page.route("**/start", route =>
    route.continue({ url: route.request().url().replace("/start", "/stop") }),
  );
  await page.getByRole("combobox", { name: "Instance" }).selectOption(id);
  await page.getByRole("button", { name: `Start ${id}` }).click();
  await expect(page.locator(".line.error")).toContainText('ERROR: "Start command" refused.');
  await other.context().close();
});

test("on coming back after a break, the page tells what happened meanwhile", async ({ page, portal }) => {
  await createWhole(page);
  // Before the page's own scripts, which note that someone is looking.
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
