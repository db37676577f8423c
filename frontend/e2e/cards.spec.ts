import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectFits, expectGoodAppearance, HARDEST_SETTING } from "./kit/accessibility";
import { test } from "./kit/portal";

const composer = (page: Page): Locator => page.locator(".room > .composer textarea");
const cards = (page: Page): Locator => page.locator(".room .card");
const options = (page: Page): Locator => page.locator(".completions [role=option]");

/** Open the demo, which has an alert and executes commands, and join it. */
async function openDemo(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/?demo`);
  await page.locator(".join-field").fill("Ann");
  await page.keyboard.press("Enter");
  await expect(cards(page).first()).toBeVisible();
}

const say = async (page: Page, text: string) => {
  await composer(page).fill(text);
  // Without the suggestions, Enter sends.
  await page.keyboard.press("Escape");
  await composer(page).press("Enter");
};

for (const [name, setting] of [
  ["light", {}],
  ["dark-ru", { locale: "ru-RU", colorScheme: "dark" }],
  ["phone-ru", HARDEST_SETTING],
] as const)
  test(`cards are readable and accessible: ${name}`, async ({ browser, portal }) => {
    const context = await browser.newContext(setting);
    const page = await context.newPage();
    await openDemo(page, portal.url);
    const alert = cards(page).first();
    await expect(alert.locator(".card-status")).not.toBeEmpty();
    await expect(alert.locator(".card-server")).toHaveCount(1);
    await say(page, "/ps");
    await expect(cards(page)).toHaveCount(2);
    await say(page, "/restart web-1");
    await expect(cards(page)).toHaveCount(3);
    // On a slow machine, the operation may have ended, and its card has no button.
    await expect(cards(page).last().locator(".card-status")).not.toBeEmpty();
    await expectGoodAppearance(page, `cards-${name}`);
    await context.close();
  });

test("commands are completed, and what is no command stays in the field", async ({ page, portal }) => {
  await openDemo(page, portal.url);
  await composer(page).pressSequentially("/re");
  await expect(options(page)).toHaveText([/\/restart/]);
  await expectAccessible(page);
  await page.keyboard.press("Tab");
  await expect(composer(page)).toHaveValue("/restart ");
  await page.keyboard.type("web-");
  await expect(options(page)).toHaveText([/web-1/, /web-2/]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toHaveValue("/restart web-2 ");
  await composer(page).fill("/restart label:en");
  await expect(options(page)).toHaveText([/label:env=prod/, /label:env=test/]);
  await composer(page).fill("/create docker/we");
  await expect(options(page)).toHaveText([/docker\/web-small/]);
  await expectFits(page, "composer-commands");

  for (const [typed, why] of [
    ["/launch missiles", "There is no command"],
    ["/logs web-1 many", "from 1 to"],
    ["/restart", "Name one or more servers"],
  ] as const) {
    await say(page, typed);
    await expect(page.locator(".composer-note")).toContainText(why);
    await expect(composer(page)).toHaveValue(typed);
  }
  await expect(page.locator(".message.own")).toHaveCount(0);
  await expectAccessible(page);
});

test("/help and /search are answered here, and // sends a slash", async ({ page, portal }) => {
  await openDemo(page, portal.url);
  await say(page, "/help");
  await expect(page.locator(".composer-note")).toContainText("/restart");
  await say(page, "/search slowly");
  const search = page.locator(".palette");
  await expect(search.getByRole("combobox")).toHaveValue("slowly");
  await page.keyboard.press("Escape");
  await say(page, "//etc is full");
  await expect(page.locator(".message.own .message-text")).toHaveText(["/etc is full"]);
});

test("a command runs, is undone on its card, and a card's button asks before it commands", async ({
  page,
  portal,
}) => {
  await openDemo(page, portal.url);
  await say(page, "/restart web-1");
  const operation = cards(page).last();
  await expect(operation.locator(".card-status")).toHaveText("In progress");
  await operation.getByRole("button", { name: /Undo/ }).click();
  await expect(operation.locator(".card-status")).toHaveText("Undone");

  const alert = cards(page).first();
  await alert.getByRole("button", { name: "Restart web-2" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("/restart web-2");
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await expect(page.locator(".thread-link")).toHaveCount(0);
  // With a key: a click where the dialog has just closed would be ignored.
  await alert.getByRole("button", { name: "Restart web-2" }).press("Enter");
  await dialog.getByRole("button", { name: "Run" }).click();
  await page.locator(".thread-link").click();
  const thread = page.locator(".panel.thread");
  await expect(thread.locator(".card")).toHaveCount(2);
  await expect(thread.locator(".card").last().locator(".card-status")).toHaveText("In progress");
  await expectFits(page, "card-thread");
});

test("a card works with the keyboard alone", async ({ page, portal }) => {
  await openDemo(page, portal.url);
  await composer(page).press("ArrowUp");
  const row = page.locator(".room li:focus");
  await expect(row).toHaveCount(1);
  // The last row is the alert: its controls are one key apart.
  for (let n = 0; n < 12; n += 1) {
    if ((await page.locator(":focus").textContent())?.trim() === "Show servers") break;
    await page.keyboard.press("ArrowRight");
  }
  await page.keyboard.press("Enter");
  await expect(page.locator(".thread-link")).toBeVisible();
});

test("servers are pinned to the left column, and named in messages with their state", async ({
  page,
  portal,
}) => {
  await openDemo(page, portal.url);
  await page.goto(`${portal.url}/?demo#/servers`);
  await page.getByRole("article", { name: "web-1" }).getByRole("button", { name: "More: web-1" }).click();
  await page.getByRole("menuitem", { name: "Pin to the left column" }).click();
  await page.goto(`${portal.url}/?demo#/rooms/general`);
  const pinned = page.getByRole("navigation", { name: "Pinned servers" });
  await expect(pinned.getByRole("link")).toHaveText([/web-1/]);
  await expect(pinned.locator(".dot")).toHaveAttribute("data-state", "running");
  await composer(page).fill("look at web-1, not at web-9");
  await composer(page).press("Enter");
  const link = page.locator(".message.own .server-link").first();
  await expect(link).toHaveText(["web-1"]);
  await expect(link.locator(".dot")).toHaveAttribute("data-state", "running");
  await say(page, "/stop web-1");
  await expect(link.locator(".dot")).toHaveAttribute("data-state", "pending");
  await expect(pinned.locator(".dot")).toHaveAttribute("data-state", "pending");
  await expectGoodAppearance(page, "pinned-servers");
  await link.click();
  await expect(page).toHaveURL(/#\/servers\/web-1/);
});
