import { expect, it } from "vitest";
import { highlight } from "./highlight";

const kinds = (text: string, language: string) =>
  highlight(text, language)
    ?.filter(token => token.kind)
    .map(({ kind, text }) => `${kind}: ${text}`);

it("finds comments, strings, numbers and keywords", () => {
  expect(kinds('# one\nif x == "a # b": return 12', "python")).toEqual([
    ...["comment: # one", "keyword: if", 'string: "a # b"', "keyword: return", "number: 12"],
  ]);
  expect(kinds("const a = 'b'; // c\n/* d */", "TS")).toEqual([
    ...["keyword: const", "string: 'b'", "comment: // c", "comment: /* d */"],
  ]);
  expect(kinds("SELECT a FROM b -- c", "sql")).toEqual(["keyword: SELECT", "keyword: FROM", "comment: -- c"]);
  expect(kinds("+new\n-old\n same", "diff")).toEqual(["added: +new\n", "deleted: -old\n"]);
});

it("doesn't know all languages", () => {
  expect(highlight("a", "klingon")).toBeUndefined();
  expect(highlight("a", "constructor")).toBeUndefined();
});

it.each(["sh", "python", "ts", "go", "rust", "c", "json", "sql", "diff"])(
  "keeps every character, and takes no longer for hostile code in %s",
  language => {
    for (const piece of ['"', "'", "\\", "/*", "#", "//", "a'b\"", "1.", "é😀\n", '"\\', "--"]) {
      const text = piece.repeat(3_000);
      expect(
        highlight(text, language)
          ?.map(token => token.text)
          .join("") === text,
      ).toBe(true);
    }
  },
);
