import { expect, type Page } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { joinChat, openAccount, sendAsNewUser, sendMessage, test, uniqueName } from "./kit/portal";

/** Open the search and type; the index follows within a second, so it may take another key. */
async function search(page: Page, text: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill(text);
}

test("the search finds an old message and leads to its place", async ({ page, portal }) => {
  const mark = uniqueName("m").replace("-", "");
  const texts = Array.from(
    { length: 120 },
    (_, n) => `${mark}x ${n}${n === 3 ? " restarting the servers" : ""}`,
  );
  await page.goto(portal.url);
  await sendAsNewUser(page, texts);
  await joinChat(page, uniqueName("Ann"));
  await expect(page.getByText(`${mark}x 119`)).toBeInViewport();
  await search(page, `${mark}x server restarted`);
  const dialog = page.getByRole("dialog", { name: "Search" });
  const option = dialog.getByRole("option", { name: "restarting the servers" });
  await expect(option).toBeVisible();
  await expect(option.locator("mark")).toHaveText([`${mark}x`, "restarting", "servers"]);
  await expect(option).toContainText("#general");
  await expect(dialog.getByRole("status")).toContainText("1 message found");
  await expectAccessible(page);
  await expect(dialog.getByRole("option", { selected: true })).toContainText("restarting the servers");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#\/rooms\/general\?message=\d+$/);
  const target = page.locator("[aria-current=true]", { hasText: `${mark}x 3 restarting` });
  await expect(target).toBeInViewport();
  await expect(target).toBeFocused();
  await expect(page.getByText(`${mark}x 2`, { exact: true })).toBeVisible();
  await expectAccessible(page);
  // The link works in another tab, and leads back to the latest messages.
  await page.reload();
  await expect(target).toBeInViewport();
  await page.getByRole("link", { name: "Go to the latest messages" }).click();
  await expect(page.getByText(`${mark}x 119`)).toBeInViewport();
  await expect(target).toHaveCount(0);
});

test("a query that is not valid says what is wrong, in both languages", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const word = uniqueName("слово").replace("-", "");
  await sendMessage(page, `Перезапустили ${word}`);
  await search(page, "x before:soon");
  const status = page.getByRole("dialog").getByRole("status");
  await expect(status).toContainText("before: takes a date such as 2026-11-30");
  await page.getByRole("combobox").fill("x in:nowhere");
  await expect(status).toContainText("There is no room with this name that you can see");
  await page.keyboard.press("Escape");
  await (await openAccount(page)).getByRole("button", { name: "По-русски" }).click();
  await page.keyboard.press("Escape");
  await search(page, `перезапустил ${word}`);
  await expect(page.getByRole("option", { name: word }).first()).toContainText("Сообщение");
  await expect(status).toContainText("Найдено сообщений: 1");
});
