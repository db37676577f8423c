import { expect, type Locator, type Page } from "@playwright/test";
import { joinChat, sendMessage, test, uniqueName } from "./kit/portal";

const HEBREW = "שלום";

const composer = (page: Page) => page.getByRole("textbox", { name: "Type your message here" });

/** Where each line of a text begins and ends, in pixels from the left edge of its element. */
const linesOf = (text: Locator) =>
  text.evaluate(element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const left = element.getBoundingClientRect().left;
    return [...range.getClientRects()].map(one => ({ from: one.left - left, to: one.right - left }));
  });

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

test("each line has its own direction, in the composer and in a message", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await composer(page).fill(HEBREW);
  await expect(composer(page)).toHaveAttribute("dir", "auto");
  expect(await composer(page).evaluate(field => getComputedStyle(field).direction)).toBe("rtl");
  await composer(page).fill("");
  await sendMessage(page, `a line that is longer than the other one\n${HEBREW}`);
  const message = page.locator(".message-text", { hasText: HEBREW });
  await expect(message).toHaveCount(1);
  const [latin, hebrew] = await linesOf(message);
  expect(hebrew?.to).toBeCloseTo(latin?.to ?? 0, 0);
  expect(hebrew?.from).toBeGreaterThan((latin?.from ?? 0) + 50);
});

test("combining marks stay in their row", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, `Z${"\u0301\u0323".repeat(60)}algo`);
  await expect(page.locator(".message", { hasText: "algo" })).toHaveCSS("overflow", "clip");
});

test("a message of invisible characters can't be sent, and a taken emoji name is offered whole", async ({
  browser,
  page,
  portal,
}) => {
  const name = `${"👨‍👩‍👧".repeat(4)}${uniqueName("").slice(-8)}`;
  await page.goto(portal.url);
  await joinChat(page, name);
  await composer(page).fill("\u200B\u3164 ");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toHaveValue("\u200B\u3164 ");
  const other = await (await browser.newContext()).newPage();
  await other.goto(portal.url);
  await other.getByRole("textbox", { name: "Nickname" }).fill(name);
  await other.keyboard.press("Enter");
  await expect(other.locator(".chip").first()).toBeVisible();
  for (const offered of await other.locator(".chip").allTextContents())
    expect(offered).toMatch(/^(?:👨‍👩‍👧)+[\w-]*$/u);
  await other.context().close();
});
