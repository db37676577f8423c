import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ErrorCode, FailureCode } from "../contract/generated";
import { ru as activity } from "./activity.ru";
import { en } from "./en";
import { ru as files } from "./files.ru";
import { preferredLanguage } from "./language";
import { ru as moderation } from "./moderation.ru";
import { ru } from "./ru";
import { ru as search } from "./search.ru";
import { ru as servers } from "./servers.ru";
import { ru as status } from "./status.ru";

it.each([
  [1, "1 новое сообщение", "1 new message"],
  [3, "3 новых сообщения", "3 new messages"],
  [11, "11 новых сообщений", "11 new messages"],
  [21, "21 новое сообщение", "21 new messages"],
])("counts %d in both languages", (n, russian, english) => {
  expect(ru.chat.fresh(n)).toBe(russian);
  expect(en.chat.fresh(n)).toBe(english);
});

/** The texts of a dictionary by path. "1" is a valid argument of every function: as a number, a name and a list. */
const textsOf = (value: unknown, path = ""): [string, string][] => {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, value("1", "1", "1")]];
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([name, one]) => textsOf(one, `${path}.${name}`));
  return [];
};

// Names, identifiers, keys of the keyboard, the language of queries and abbreviations that are the same in Russian.
const SAME =
  /Opsroom|https?:\/\/[\w.]*|HTTPS?|IPv?\d?|Enter|Shift|Ctrl|ID|2001:db8::7|switch to English|In English|Esc|EN|API|\/help|env=prod, web|(?:in|from|before|after|has):(?:link)?|link, file|image/g;

it.each([
  ["page", ru],
  ["moderation", moderation],
  ["status", status],
  ["servers", servers],
  ["activity", activity],
  ["search", search],
  ["files", files],
])("has no English in the Russian texts of the %s", (_name, dictionary) => {
  expect(textsOf(dictionary).filter(([, text]) => /[a-z]/i.test(text.replaceAll(SAME, "")))).toEqual([]);
});

it("has a text for every error and failure of the server, and none of them is in another language", () => {
  const contract = readFileSync("src/contract/generated.ts", "utf8");
  const [errors = [], failures = []] = ["ErrorCode", "FailureCode"].map(name => {
    const [, members = ""] = new RegExp(`^export type ${name} =([^;]*);`, "m").exec(contract) ?? [];
    return [...members.matchAll(/"(\w+)"/g)].map(found => found[1] ?? "");
  });
  // Otherwise the expression above no longer finds them.
  expect(errors.length).toBeGreaterThan(30);
  expect(failures.length).toBeGreaterThan(5);
  for (const code of errors as ErrorCode[]) {
    expect(en.error(code)).toMatch(/^[A-Z][^а-яё]*\.$/);
    expect(ru.error(code)).toMatch(/^[А-ЯЁ][^a-z]*\.$/);
  }
  for (const code of failures as FailureCode[]) expect(ru.failure(code, "")).toMatch(/^[А-ЯЁ][^a-z]*\.$/);
});

it("names the code of an error that only a newer server knows", () => {
  expect(en.error("quota" as ErrorCode)).toBe("Something went wrong (quota).");
  expect(ru.error("quota" as ErrorCode)).toBe("Произошла ошибка (quota).");
});

it.each([
  [["en-US", "en", "ru"], "en"],
  [["ru-RU", "en"], "ru"],
  [["de-DE", "ru", "en"], "ru"],
  [["de", "fr"], "en"],
  // Aromanian begins with the letters of Russian.
  [["rup", "en"], "en"],
  [["RU"], "ru"],
  [[], "en"],
])("with the browser's languages %j the page is in %s", (languages, expected) => {
  expect(preferredLanguage(languages)).toBe(expected);
});

it.each([
  [["ru_RU.UTF-8", "en"], "ru"],
  [["ru@posix"], "ru"],
  [["C", "en-US@posix", "ru"], "en"],
])("finds the language of a browser whose tags are those of the system: %j", (tags, expected) => {
  expect(preferredLanguage(tags)).toBe(expected);
});
