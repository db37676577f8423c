import type { Selected } from "../../../text/composing/formatting";

/** How many characters two texts have in common at their beginning. */
function commonStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

/** Change the text of a field as if it was typed, so that the browser can undo it, and select a part of it. */
export function replaceText(area: HTMLTextAreaElement, { text, start, end }: Selected): void {
  const before = area.value;
  const head = commonStart(before, text);
  const limit = Math.min(before.length, text.length) - head;
  let tail = 0;
  while (tail < limit && before.at(-1 - tail) === text.at(-1 - tail)) tail += 1;
  const added = text.slice(head, text.length - tail);
  area.focus();
  area.setSelectionRange(head, before.length - tail);
  // The only way to write into the history of a field; where it is missing, the change can't be undone.
  const isDone =
    before === text ||
    (added ? document.execCommand?.("insertText", false, added) : document.execCommand?.("delete"));
  if (!isDone || area.value !== text) {
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
  area.setSelectionRange(start, end);
}
