import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectFits } from "./kit/accessibility";
import { expectFocused, joinChat, sendMessage, test, uniqueName } from "./kit/portal";

const field = (page: Page): Locator => page.locator(".room > .composer textarea");
const message = (page: Page, text: string): Locator => page.locator(".message", { hasText: text });

/** Open the menu of a message with the keyboard: from its row. */
async function openMenu(page: Page, text: string, own: boolean): Promise<Locator> {
  const row = page.locator("li", { has: page.locator(".message", { hasText: text }) });
  await row.focus();
  await page.keyboard.press("Enter");
  const menu = page.getByRole("menu");
  await expect(menu.getByRole("menuitem")).toHaveCount(own ? 8 : 6);
  return menu;
}

test("markup is shown as elements, and code is copied", async ({ page, portal, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => undefined);
  await page.goto(portal.url);
  const name = uniqueName("Ann");
  await joinChat(page, name);
  await field(page).fill(
    `**bold** _it_ ~~old~~ \`x\` @${name} :tada:\n\`\`\`sh\nls -l # all\n\`\`\`\n> quote\n- one\n- two\n[docs](https://example.org/)`,
  );
  await page.keyboard.press("Enter");
  const shown = page.locator(".message.own:not(.outgoing) .message-text");
  await expect(shown.locator("strong")).toHaveText("bold");
  await expect(shown.locator("em")).toHaveText("it");
  await expect(shown.locator("del")).toHaveText("old");
  await expect(shown.locator("blockquote")).toHaveText("quote");
  await expect(shown.locator("li")).toHaveText(["one", "two"]);
  await expect(shown.locator(".mention.own")).toHaveText(`@${name}`);
  await expect(shown).toContainText("🎉");
  const link = shown.getByRole("link", { name: "docs" });
  await expect(link).toHaveAttribute("href", "https://example.org/");
  await expect(link).toHaveAttribute("rel", /noopener/);
  await expect(shown.locator(".code-comment")).toHaveText("# all");
  await shown.getByRole("button", { name: "Copy the code" }).click();
  await expect(shown.locator(".icon-check")).toBeVisible();
  await expectAccessible(page);
  await expectFits(page, "messages-markup");
});

test("what is typed is completed and formatted with the keyboard, and lines are kept", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await page.locator(".format-button").first().waitFor();
  await page.keyboard.type("/w");
  await expect(page.getByRole("option")).toHaveCount(1);
  await expect(field(page)).toHaveAttribute("aria-activedescendant", /./);
  await expectAccessible(page);
  await page.keyboard.press("Tab");
  await expect(field(page)).toHaveValue("/who ");
  await page.keyboard.press("Enter");
  await expect(page.locator(".composer-note")).not.toBeEmpty();
  await page.keyboard.type("to @ro");
  await page.keyboard.press("Enter");
  await expect(field(page)).toHaveValue("to @room ");
  await page.keyboard.type(":rock");
  await expect(page.getByRole("option").first()).toContainText("🚀");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+b");
  await page.keyboard.type("now");
  await expect(field(page)).toHaveValue("to @room 🚀 **now**");
  await field(page).fill("");
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "one\ntwo\n\nthree");
    document.execCommand("insertText", false, data.getData("text/plain"));
  });
  await page.keyboard.press("Enter");
  await expect(page.locator(".message.own:not(.outgoing) .message-text")).toHaveText("one\ntwo\n\nthree");
});

for (const [locale, colorScheme] of [
  ["en-US", "light"],
  ["ru-RU", "dark"],
] as const)
  test(`two people edit, react, pin and delete: ${locale}, ${colorScheme}`, async ({
    page,
    portal,
    browser,
  }) => {
    const other = await (await browser.newContext({ locale, colorScheme })).newPage();
    await page.goto(portal.url);
    await other.goto(portal.url);
    await joinChat(page, uniqueName("Ann"));
    await other.locator(".join-field").fill(uniqueName("Bob"));
    await other.keyboard.press("Enter");
    const mark = Date.now().toString(36);
    await sendMessage(page, `first ${mark}`);
    await expect(message(other, `first ${mark}`)).toBeVisible();

    await field(page).focus();
    await page.keyboard.press("ArrowUp");
    await page.locator(".edit-form textarea").waitFor();
    await page.keyboard.type(" *changed*");
    await expectAccessible(page);
    await page.keyboard.press("Enter");
    await expect(message(other, `first ${mark}`).locator("em")).toHaveText("changed");
    await expect(message(other, `first ${mark}`).locator("time[title]").last()).toBeVisible();
    await expectFocused(field(page));

    await message(other, `first ${mark}`).hover();
    await other.locator(".message-actions .tool").first().click();
    await other.locator(".at-message .emoji-search").fill("tada");
    await expectAccessible(other);
    await other.keyboard.press("Enter");
    const reaction = message(page, `first ${mark}`).locator(".reaction");
    await expect(reaction).toHaveText("🎉 1");
    await expect(reaction).toHaveAttribute("aria-pressed", "false");
    await reaction.click();
    await expect(reaction).toHaveAttribute("aria-pressed", "true");
    await expect(message(other, `first ${mark}`).locator(".reaction")).toHaveText("🎉 2");

    const menu = await openMenu(page, `first ${mark}`, true);
    await expectAccessible(page);
    await menu.getByRole("menuitem", { name: "Pin" }).click();
    await expect(message(other, `first ${mark}`).locator(".message-pinned")).toBeVisible();
    await expectAccessible(other);
    await expectFits(other, `messages-${locale}`);
    await other.goto(`${portal.url}/#/rooms/general?details`);
    await expect(other.locator(".pin", { hasText: `first ${mark}` })).toBeVisible();
    await expectAccessible(other);
    await expectFits(other, `messages-pins-${locale}`);
    await other
      .locator(".pin", { hasText: `first ${mark}` })
      .locator("a")
      .first()
      .click();
    await expect(other.locator(".excerpt-target", { hasText: `first ${mark}` })).toBeVisible();
    await other.goto(`${portal.url}/#/rooms/general`);

    await other.reload();
    await expect(message(other, `first ${mark}`).locator(".reaction")).toHaveText("🎉 2");
    await expect(message(other, `first ${mark}`).locator(".reaction")).toHaveAttribute(
      "aria-pressed",
      "true",
    );

    await (await openMenu(page, `first ${mark}`, true)).getByRole("menuitem", { name: "Delete" }).click();
    await expectAccessible(page);
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(message(other, `first ${mark}`)).toHaveCount(0);
    await expect(other.locator(".message-removed").last()).toBeVisible();
    await other.context().close();
  });

test("a message is quoted, and a change that fails says why", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const mark = Date.now().toString(36);
  await sendMessage(page, `one ${mark}`);
  await expect(page.locator(".message.own:not(.outgoing)", { hasText: `one ${mark}` })).toBeVisible();
  await (await openMenu(page, `one ${mark}`, true)).getByRole("menuitem", { name: "Quote" }).click();
  await expect(field(page)).toHaveValue(`> one ${mark}\n`);
  await expectFocused(field(page));
});

test("on a phone, a long press opens the menu", async ({ browser, portal }) => {
  const context = await browser.newContext({
    hasTouch: true,
    isMobile: true,
    viewport: { width: 390, height: 760 },
  });
  const page = await context.newPage();
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const mark = Date.now().toString(36);
  await field(page).fill(`press ${mark}`);
  await page.getByRole("button", { name: "Send" }).tap();
  const own = page.locator(".message.own:not(.outgoing)", { hasText: `press ${mark}` });
  await own.waitFor();
  const box = await own.locator(".message-text").boundingBox();
  const touch = { x: (box?.x ?? 0) + 5, y: (box?.y ?? 0) + 10 };
  const session = await context.newCDPSession(page);
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [touch] });
  await own.locator(".message-actions").waitFor();
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await expect(page.getByRole("menuitem")).toHaveCount(8);
  await expectAccessible(page);
  await expectFits(page, "messages-phone-menu");
  await page.getByRole("menuitem", { name: "Edit" }).tap();
  await expectFocused(page.locator(".edit-form textarea"));
  await expectFits(page, "messages-phone-edit");
  await context.close();
});
