import { expect, it } from "vitest";
import { isComposing } from "./composition";

const key = (isComposing: boolean, keyCode: number) => ({ isComposing, keyCode }) as KeyboardEvent;

it.each([
  ["Chrome and Firefox: Enter during the composition", key(true, 229), true],
  ["Safari: Enter after compositionend", key(false, 229), true],
  ["Enter without an input method", key(false, 13), false],
])("%s", (_order, event, expected) => {
  expect(isComposing(event)).toBe(expected);
});
