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

/** Where a line of text is in its box, in pixels. */
interface Line {
  readonly text: string;
  /** The space between the line and each side of the box. */
  readonly left: number;
  readonly right: number;
  /** Whether the first character is to the right of the last one. */
  readonly isReversed: boolean;
}

/** Measure the lines of an element whose text is in text nodes that end only between lines. */
function measureLines(box: Element): Line[] {
  const { left, right } = box.getBoundingClientRect();
  const lines: Line[] = [];
  const nodes = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode()) {
    const node = nodes.currentNode as Text;
    const boxOf = (start: number, end: number): DOMRect => {
      const range = document.createRange();
      range.setStart(node, start);
      range.setEnd(node, end);
      return range.getBoundingClientRect();
    };
    for (const { 0: text, index } of node.data.matchAll(/[^\n]+/g)) {
      const end = index + text.length;
      const line = boxOf(index, end);
      const isReversed = boxOf(index, index + 1).left > boxOf(end - 1, end).left;
      lines.push({ text, left: line.left - left, right: right - line.right, isReversed });
    }
  }
  return lines;
}

/** Measure the lines of the composer, whose text is in a shadow tree that only the browser's debugger reaches. */
async function linesOfComposer(page: Page): Promise<Line[]> {
  const session = await page.context().newCDPSession(page);
  const { root } = await session.send("DOM.getDocument");
  const selector = { nodeId: root.nodeId, selector: ".composer textarea" };
  const { nodeId } = await session.send("DOM.querySelector", selector);
  const { node } = await session.send("DOM.describeNode", { nodeId, depth: -1, pierce: true });
  const parts = node.shadowRoots?.[0]?.children ?? [];
  const editor = parts.find(({ attributes }) => !attributes?.includes("placeholder"));
  if (!editor) throw new Error("the text of the composer is not where it was");
  const { object } = await session.send("DOM.resolveNode", { backendNodeId: editor.backendNodeId });
  const { result } = await session.send("Runtime.callFunctionOn", {
    objectId: object.objectId ?? "",
    functionDeclaration: `function () { return (${measureLines})(this); }`,
    returnByValue: true,
  });
  await session.detach();
  return result.value;
}

test("each line of the composer and of a message has the direction of its own text", async ({
  page,
  portal,
}) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const [hebrew, latin] = ["שלום John, מה שלומך?", "hello שלום, how are you?"] as const;
  const longest = "a line that is longer than all others and makes the bubble wide";
  // In both orders: a direction of the whole text would be that of its first line.
  for (const lines of [
    [hebrew, latin, longest],
    [latin, hebrew, longest],
  ]) {
    await composer(page).fill(lines.join("\n"));
    const inComposer = await linesOfComposer(page);
    await page.keyboard.press("Enter");
    const message = page.locator(".message.own:not(.outgoing) .message-text").last();
    await expect(message).toHaveText(lines.join("\n"));
    for (const shown of [inComposer, await message.evaluate(measureLines)]) {
      expect(shown.map(({ text }) => text)).toEqual(lines);
      for (const { text, left, right, isReversed } of shown.slice(0, 2)) {
        const isHebrew = text === hebrew;
        expect({ text, isReversed, isAtTheRight: right < left }).toEqual({
          text,
          isReversed: isHebrew,
          isAtTheRight: isHebrew,
        });
      }
    }
  }
});
