import { expect, type Page } from "@playwright/test";
import { joinChat, sendMessage, test, uniqueName } from "./kit/portal";

const composer = (page: Page) => page.getByRole("textbox", { name: "Type your message here" });

test("Enter that confirms a word of an input method doesn't send, in any browser's order", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await composer(page).fill("にほん");
  const press = (keyCode: number, isComposing = false) =>
    composer(page).evaluate(
      (field, given) => {
        const init = { key: "Enter", bubbles: true, cancelable: true, ...given };
        field.dispatchEvent(new KeyboardEvent("keydown", init));
      },
      { keyCode, isComposing },
    );
  await press(229, true);
  await press(229); // Safari: after compositionend
  await expect(composer(page)).toHaveValue("にほん");
  await press(13);
  await expect(composer(page)).toHaveValue("");
  await expect(page.locator(".message-text", { hasText: "にほん" })).toHaveCount(1);
});

test("combining marks stay in their row", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, `Z${"\u0301\u0323".repeat(60)}algo`);
  await expect(page.locator(".message", { hasText: "algo" })).toHaveCSS("overflow", "clip");
});
