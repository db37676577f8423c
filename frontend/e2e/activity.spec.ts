import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { createReady } from "./kit/instance-lifecycle";
import { joinChat, openCloud, test, uniqueName } from "./kit/portal";

const rows = (page: Page, text: string | RegExp) => page.locator(".happening", { hasText: text });
const hash = (page: Page) => expect.poll(() => new URL(page.url()).hash);

test("the activity shows who did what to which server, and its address has the filters", async ({
  browser,
  page,
  portal,
}) => {
  const other = await (await browser.newContext()).newPage();
  const boris = uniqueName("Boris");
  await other.goto(portal.url);
  await joinChat(other, boris);
  await other.goto(`${portal.url}/#/servers`);
  await openCloud(page, portal.url);
  const olga = (await page.locator(".account bdi").textContent()) ?? "";
  const id = await createReady(page);
  const short = id.slice(0, 8);
  await other.getByRole("button", { name: `Start ${id}` }).click();

  await page.getByRole("link", { name: "Activity" }).click();
  // It follows what happens.
  await expect(rows(page, short)).toContainText([`${boris} · Started`, `${olga} · Created`]);
  await expectAccessible(page);
  await page.getByRole("combobox", { name: "Who" }).fill(boris.toUpperCase());
  await page.keyboard.press("Enter");
  await hash(page).toBe(`#/activity?who=${boris}`);
  await expect(rows(page, short)).toHaveCount(1);
  await expect(rows(page, olga)).toHaveCount(0);
  await page.getByRole("combobox", { name: "What" }).selectOption("stopped");
  await expect(page.getByText("Nothing found.")).toBeVisible();
  await page.goBack();
  await expect(rows(page, short)).toHaveCount(1);
  await page.getByRole("combobox", { name: "When" }).selectOption("yesterday");
  await hash(page).toBe(`#/activity?who=${boris}&when=yesterday`);
  await expect(page.getByText("Nothing found.")).toBeVisible();
  await page.getByRole("combobox", { name: "When" }).selectOption("today");
  await expect(rows(page, short)).toContainText([`${boris} · Started`]);

  // A link leads to the same entries.
  const copy = await page.context().newPage();
  await copy.goto(page.url());
  await expect(rows(copy, short)).toContainText([`${boris} · Started`]);
  await copy.close();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await hash(page).toBe("#/activity");
  await page.getByRole("searchbox", { name: "Find a server or a word" }).fill(id);
  await hash(page).toBe(`#/activity?q=${id}`);
  await expect(page.locator(".happening")).toHaveCount(2);
  await rows(page, "Created").getByRole("link").click();
  await expect(page).toHaveTitle(/Servers · Opsroom$/);
  await other.context().close();
});

test("activity that can't be loaded says so, and is loaded on request", async ({ page, portal }) => {
  await openCloud(page, portal.url);
  await createReady(page);
  await page.route("**/cloud/history*", route => route.abort());
  await page.getByRole("link", { name: "Activity" }).click();
  await expect(page.getByText("Activity could not be loaded.")).toBeVisible();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Retry" }).click();
  await expect(page.locator(".happening").first()).toBeVisible();
});
