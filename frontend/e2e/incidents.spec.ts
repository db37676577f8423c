import { expect } from "@playwright/test";
import { expectAccessible, expectGoodAppearance, HARDEST_SETTING } from "./kit/accessibility";
import { testsWithPortal } from "./kit/portal";
import { issueTokens, signIn } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ olga: "operator", ada: "admin" });

const test = testsWithPortal(["--ephemeral", "--access", "token", "--delay", "1"], {
  GATEWAY_TOKENS: setting,
});
test.describe.configure({ mode: "default" });

test("an alert becomes an incident, which is led, closed and reported", async ({
  page,
  portal,
  request,
  browser,
}) => {
  const made = await request.post(`${portal.url}/api/v1/hooks`, {
    headers: { authorization: `Bearer ${TOKENS.ada}` },
    data: { name: "monitor", room: "general" },
  });
  const { path } = (await made.json()) as { readonly path: string };
  const report = { key: "db", title: "db-1 does not answer", status: "firing" };
  expect((await request.post(`${portal.url}${path}/json`, { data: report })).ok()).toBe(true);

  await page.goto(portal.url);
  await signIn(page, TOKENS.olga);
  const card = page.locator(".room .card").first();
  await card.getByRole("button", { name: "Open incident" }).click();
  await page.locator(".room .thread-link").click();
  const incident = page.getByRole("region", { name: "Incident" });
  await expect(incident).toContainText("Open");
  await incident.getByRole("button", { name: "Take the lead" }).click();
  await expect(incident).toContainText("led by");
  await expectGoodAppearance(page, "incident-thread");
  const download = page.waitForEvent("download");
  await incident.getByRole("button", { name: "Report" }).click();
  expect((await download).suggestedFilename()).toMatch(/^incident-.*\.md$/);
  await incident.getByRole("button", { name: "Close incident" }).click();
  await expect(incident).toContainText("Closed");

  await page.goto(`${portal.url}/#/incidents`);
  await expect(page.getByRole("row", { name: /db-1 does not answer/ })).toContainText("Closed");
  await expectGoodAppearance(page, "incidents");
  await page.getByRole("combobox", { name: "Show" }).selectOption("open");
  await expect(page.getByText("No incidents with this status.")).toBeVisible();

  await page.goto(`${portal.url}/#/rooms/general`);
  await card.getByRole("link", { name: /as it was/i }).click();
  await expect(page.getByText("Nothing can be changed here.")).toBeVisible();
  await expectGoodAppearance(page, "past");
  await page.getByRole("link", { name: "Back to now" }).click();
  await expect(card).toBeVisible();

  const phone = await browser.newContext({ ...HARDEST_SETTING, locale: "en-US" });
  const small = await phone.newPage();
  await small.goto(portal.url);
  await signIn(small, TOKENS.olga);
  await small.goto(`${portal.url}/#/incidents`);
  await expect(small.getByRole("row", { name: /db-1 does not answer/ })).toBeVisible();
  await expectGoodAppearance(small, "incidents-phone");
  await phone.close();
});

test("a schedule is made, listed and removed", async ({ page, portal }) => {
  await page.goto(portal.url);
  await signIn(page, TOKENS.olga);
  await page.goto(`${portal.url}/#/servers`);
  await page.getByRole("button", { name: "Schedules" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("No schedules yet.")).toBeVisible();
  await dialog.getByRole("button", { name: "New schedule" }).click();
  await dialog.getByRole("textbox", { name: "Name" }).fill("evening");
  await dialog.getByRole("combobox", { name: "Command" }).selectOption("stop");
  await dialog.getByRole("textbox", { name: "Servers" }).fill("label:env=test");
  await dialog.getByRole("combobox", { name: "When" }).selectOption("cron");
  await dialog.getByRole("textbox", { name: "Cron" }).fill("0 19 * *");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog.getByText("Write five fields")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("textbox", { name: "Cron" }).fill("0 19 * * mon-fri");
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog.getByRole("listitem")).toContainText("evening");
  await expectGoodAppearance(page, "schedules");
  await dialog.getByRole("button", { name: "Remove evening" }).click();
  await expect(dialog.getByText("No schedules yet.")).toBeVisible();
});
