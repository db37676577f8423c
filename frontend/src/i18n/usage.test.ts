import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { en } from "./en";

const code = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter(path => /\.tsx?$/.test(path) && !path.includes("i18n") && !path.includes(".test."))
  .map(path => readFileSync(`src/${path}`, "utf8"))
  .join("\n");

/** The names of all texts. A table that code indexes with a variable is one text. */
const namesOf = (texts: object): string[] =>
  Object.entries(texts).flatMap(([name, text]) =>
    typeof text === "object" && !new RegExp(`\\.${name}\\[|labelOf\\([^,]*\\.${name},`).test(code)
      ? namesOf(text)
      : name,
  );

it("every text is used", () => {
  expect(namesOf(en).filter(name => !new RegExp(`(?<!\\.)\\.${name}\\b`).test(code))).toEqual([]);
});
