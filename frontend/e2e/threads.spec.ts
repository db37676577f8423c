import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible, expectFits } from "./kit/accessibility";
import { expectFocused, joinChat, sendMessage, test, uniqueName } from "./kit/portal";

const message = (page: Page, text: string): Locator => page.locator(".room .message", { hasText: text });
const thread = (page: Page): Locator => page.locator(".panel.thread");

async function openThread(page: Page, text: string): Promise<Locator> {
  await message(page, text).hover();
  await page.locator(".message-actions a.tool").click();
  const panel = thread(page);
  await expect(panel.locator(".message", { hasText: text })).toBeVisible();
  await expectFocused(panel.locator(".composer textarea"));
  return panel;
}

// In English and light, two-people.spec.ts does the same.
test("two people reply in a thread, one of them in Russian and dark", async ({ page, portal, browser }) => {
  const other = await (await browser.newContext({ locale: "ru-RU", colorScheme: "dark" })).newPage();
  await page.goto(portal.url);
  await other.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await other.locator(".join-field").fill(uniqueName("Bob"));
  await other.keyboard.press("Enter");
  const mark = Date.now().toString(36);
  await sendMessage(page, `root ${mark}`);

  const panel = await openThread(other, `root ${mark}`);
  await other.keyboard.type(`aside ${mark}`);
  await other.keyboard.press("Enter");
  await expect(panel.locator(".message:not(.outgoing)", { hasText: `aside ${mark}` })).toBeVisible();
  await expectAccessible(other);
  // The room has the summary, and not the reply.
  await expect(message(page, `root ${mark}`).locator(".thread-link")).toContainText("1 reply");
  await expect(message(page, `aside ${mark}`)).toHaveCount(0);

  await message(page, `root ${mark}`).locator(".thread-link").click();
  const own = thread(page);
  await expect(own.locator(".message", { hasText: `aside ${mark}` })).toBeVisible();
  await own.locator(".composer textarea").fill(`aloud ${mark}`);
  await own.getByRole("checkbox", { name: "Also send to the room" }).check();
  await own.locator(".composer textarea").press("Enter");
  await expect(message(other, `aloud ${mark}`).locator(".thread-link")).toBeVisible();
  await expect(panel.locator(".message", { hasText: `aloud ${mark}` })).toBeVisible();
  await expect(own.getByRole("checkbox", { name: "Also send to the room" })).not.toBeChecked();

  // What can be done with a message can be done there, too.
  await own.locator(".composer textarea").press("ArrowUp");
  await own.locator(".edit-form textarea").fill(`aloud ${mark}, again`);
  await own.locator(".edit-form textarea").press("Enter");
  await expect(panel.locator(".message", { hasText: `aloud ${mark}, again` })).toBeVisible();
  await expectFits(other, "thread-ru");

  await other.reload();
  await expect(panel.locator(".message:not(.outgoing)")).toHaveCount(3);
  await panel.locator(".composer textarea").press("Escape");
  await expect(panel).toHaveCount(0);
  await expect(message(other, `root ${mark}`).locator(".thread-link")).toBeVisible();
  await other.context().close();
});

test("on a phone, a thread has the whole screen", async ({ browser, portal }) => {
  const context = await browser.newContext({
    viewport: { width: 390, height: 760 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await context.newPage();
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const mark = Date.now().toString(36);
  await page.locator(".room > .composer textarea").fill(`root ${mark}`);
  await page.getByRole("button", { name: "Send" }).tap();
  const row = page.locator(".room li", {
    has: page.locator(".message:not(.outgoing)", { hasText: `root ${mark}` }),
  });
  await row.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Reply in a thread" }).tap();
  await thread(page).locator(".composer textarea").fill(`reply ${mark}`);
  await thread(page).getByRole("button", { name: "Send" }).tap();
  await expect(thread(page).locator(".message:not(.outgoing)")).toHaveCount(2);
  await expectAccessible(page);
  await expectFits(page, "thread-phone");
  await thread(page).getByRole("link", { name: "Close the thread" }).tap();
  await expect(message(page, `root ${mark}`).locator(".thread-link")).toContainText("1 reply");
  await context.close();
});

test("followed threads are in the left column, and are read in their panel", async ({
  page,
  portal,
  browser,
}) => {
  const other = await (await browser.newContext()).newPage();
  await page.goto(portal.url);
  await other.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await joinChat(other, uniqueName("Bob"));
  const mark = Date.now().toString(36);
  await sendMessage(page, `root ${mark}`);
  const panel = await openThread(other, `root ${mark}`);
  await other.keyboard.type(`aside ${mark}`);
  await other.keyboard.press("Enter");
  await expect(panel.getByRole("button", { name: "Stop following" })).toBeVisible();

  const link = page.getByRole("link", { name: "Threads" });
  await expect(link).toContainText("1 unread reply");
  await link.click();
  const view = page.locator(".threads-view");
  await expect(view.locator(".thread-item")).toContainText([`aside ${mark}`]);
  await expectAccessible(page);
  await expectFits(page, "threads");
  await view.getByRole("link", { name: "Open the thread of" }).click();
  await expect(thread(page).locator(".message", { hasText: `aside ${mark}` })).toBeVisible();
  await expect(link).not.toContainText("unread");

  await other.goto(`${portal.url}/#/threads`);
  const item = other.locator(".thread-item", { hasText: `root ${mark}` });
  await thread(page).locator(".composer textarea").fill(`back ${mark}`);
  await page.keyboard.press("Enter");
  await expect(item).toContainText(`back ${mark}`);
  await item.getByRole("button", { name: "Mark the thread of" }).click();
  await expect(item.getByRole("button", { name: "Mark the thread of" })).toHaveCount(0);
  await item.getByRole("button", { name: "Stop following the thread of" }).click();
  await expect(item).toHaveCount(0);
  await other.context().close();
});
