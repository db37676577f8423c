import { afterEach, expect, it, vi } from "vitest";
import { textCases } from "../testing/text-cases";
import { clip, comparable, graphemes, hasInvisible, isBlank, sameName } from "./typed";

afterEach(() => vi.unstubAllGlobals());

const PIECES = [
  "a",
  "B",
  " ",
  "\u00A0",
  "👨‍👩‍👧",
  "e\u0301",
  "🇩🇪",
  "❤️",
  "\u200B",
  "ß",
  "Σ",
  "ﬁ",
  "\uD83D",
  "क्षि",
];

/** Random texts, the same in each run. */
function randomTexts(count: number): readonly string[] {
  let state = 7;
  const next = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  return Array.from({ length: count }, () =>
    Array.from({ length: next(12) }, () => PIECES[next(PIECES.length)]).join(""),
  );
}

it.each(textCases.blank)("takes %j for blank", text => expect(isBlank(text)).toBe(true));

it.each(textCases.visible)("takes %j for visible", text => expect(isBlank(text)).toBe(false));

it.each(textCases.same)("takes %j and %j for the same name", (one, other) => {
  expect(sameName(one, other)).toBe(true);
});

it.each(textCases.different)("takes %j and %j for different names", (one, other) => {
  expect(sameName(one, other)).toBe(false);
});

it.each(textCases.clip)("cuts %j to %i code points between graphemes", (text, limit, kept) => {
  expect(clip(text, limit)).toBe(kept);
});

it("never cuts a character in two where a browser has no segmenter", () => {
  vi.stubGlobal("Intl", { ...Intl, Segmenter: undefined });
  expect(clip("x👨‍👩‍👧", 5)).toBe("x👨‍👩‍");
  expect(clip("ae\u0301", 2)).toBe("a");
});

it("keeps the rules for any text", () => {
  for (const text of randomTexts(400)) {
    expect(comparable(comparable(text))).toBe(comparable(text));
    expect(graphemes(text).join("")).toBe(text);
    for (const limit of [1, 4, 9]) {
      const kept = clip(text, limit);
      expect(text.startsWith(kept)).toBe(true);
      expect([...kept].length).toBeLessThanOrEqual(limit);
      expect(clip(kept, limit)).toBe(kept);
    }
  }
});

it("reads a hostile text of many invisible characters once", () => {
  const hidden = "\u200B\uFFFC\u{13430}".repeat(20_000);
  expect([isBlank(hidden), isBlank(`${hidden}a`), hasInvisible(`a${hidden}`)]).toEqual([true, false, true]);
});
