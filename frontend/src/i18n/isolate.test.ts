import { describe, expect, it } from "vitest";
import { en } from "./en";
import { isolated, isolatedParts, unmarked } from "./isolate";
import { en as moderationEn } from "./moderation.en";
import { ru as moderationRu } from "./moderation.ru";
import { ru } from "./ru";

const NAME = "מוטה 674 (רע)!";

describe.each([
  ["English", en, moderationEn],
  ["Russian", ru, moderationRu],
])("in %s", (_language, t, moderation) => {
  it.each([
    ["typing", t.chat.typing([NAME])],
    ["two typing", t.chat.typing(["Ann", NAME])],
    ["moderate", t.chat.moderate(NAME)],
    ["mute", t.chat.mutedUntil("12:00", NAME)],
    ["mute without an end", t.chat.mutedUntil(undefined, NAME)],
    ["unknown command", t.chat.noCommand(NAME)],
    ["author of a command", t.worklog.by(NAME)],
    ["failure", t.worklog.failed("start", t.failure(undefined, NAME))],
    ["failure of a provider", t.failure("provider_error", NAME)],
    ["author of a mute", moderation.by(NAME, "12:00")],
  ])("isolates the text of a person: %s", (_text, sentence) => {
    expect(isolatedParts(sentence).filter((_, index) => index % 2 === 1)).toContain(NAME);
    expect(unmarked(sentence)).not.toMatch(/[\u2066-\u2069]/);
  });

  it("has no mark where there is no text", () => {
    for (const sentence of [
      t.chat.mutedUntil("12:00"),
      t.failure(undefined, ""),
      t.failure("simulated", "x"),
    ])
      expect(unmarked(sentence)).toBe(sentence);
  });
});

it("isolates a text that contains isolation marks", () => {
  expect(isolatedParts(`${isolated("a\u2069\u2066b")}.`)).toEqual(["", "ab", "."]);
});
