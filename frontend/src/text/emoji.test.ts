import { expect, it } from "vitest";
import { EMOJI, EMOJI_BY_NAME, findEmoji } from "./emoji";
import { isEmojiOnly } from "./format";

it("has each emoji and each name once", () => {
  const names = EMOJI.flatMap(one => one.names);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(new Set(EMOJI.map(one => one.char)).size).toBe(EMOJI.length);
  for (const { char, names } of EMOJI) {
    expect(isEmojiOnly(char), char).toBe(true);
    for (const name of names) expect(name).toMatch(/^[a-z0-9_+-]{1,40}$/);
  }
});

it("finds by name first, and by words of both languages", () => {
  expect(EMOJI_BY_NAME.get("tada")).toBe("🎉");
  expect(findEmoji("tad")[0]?.char).toBe("🎉");
  expect(findEmoji("РАКЕТА").map(one => one.char)).toEqual(["🚀"]);
  expect(findEmoji("ракёта").map(one => one.char)).toEqual(["🚀"]);
  expect(findEmoji("deploy", 1).map(one => one.char)).toEqual(["🚀"]);
  expect(findEmoji("no such thing")).toEqual([]);
  expect(findEmoji("", 5)).toHaveLength(5);
});
