import { expect, it } from "vitest";
import { namesFor, triggerAt } from "./completion";
import { type Mark, type Selected, toggleMark, withQuote } from "./formatting";

/** A text in which brackets stand for the ends of the selection. */
const selected = (marked: string): Selected => {
  const start = marked.indexOf("[");
  return { text: marked.replace(/[[\]]/g, ""), start, end: marked.indexOf("]") - 1 };
};
const shown = ({ text, start, end }: Selected): string =>
  `${text.slice(0, start)}[${text.slice(start, end)}]${text.slice(end)}`;

it.each<[string, Mark, string]>([
  ["a [b] c", "**", "a **[b]** c"],
  ["a **[b]** c", "**", "a [b] c"],
  ["a [**b**] c", "**", "a [b] c"],
  ["a[ b ]c", "_", "a _[b]_ c"],
  ["a []c", "_", "a _[]_c"],
  ["[a\nb]", "_", "_[a\nb]_"],
  ["[a]", "`", "`[a]`"],
  ["x [a\nb] y", "`", "x \n```\n[a\nb]\n```\n y"],
  ["x\n[a\nb]", "`", "x\n```\n[a\nb]\n```"],
])("formats %j with %j", (before, mark, after) => {
  expect(shown(toggleMark(selected(before), mark))).toBe(after);
});

it("takes away what it has put there", () => {
  for (const mark of ["**", "_", "`"] as const) {
    const before = selected("one [two three] four");
    expect(toggleMark(toggleMark(before, mark), mark)).toEqual(before);
  }
});

it("quotes each line", () => {
  expect(withQuote("and then", "one\n\ntwo\n")).toBe("> one\n>\n> two\nand then");
});

it.each([
  ["/", "command", "", 0],
  ["/he", "command", "he", 0],
  ["hi @an", "mention", "an", 3],
  ["@", "mention", "", 0],
  ["(@Ива", "mention", "Ива", 1],
  ["ok :ta", "emoji", "ta", 3],
  ["ok :рак", "emoji", "рак", 3],
] as const)("completes %j", (text, kind, query, from) => {
  expect(triggerAt(text, text.length)).toEqual({ kind, query, from });
});

it.each([
  "//x",
  "//a b",
  "/a\nb",
  "a /b",
  "ann@ex",
  "10:30",
  "a :t",
  "a: b",
  "http://a",
  `@${"a".repeat(100)}`,
  "",
])("doesn't complete %j", text => expect(triggerAt(text, text.length)).toBeUndefined());

it("completes at the caret, not at the end", () => {
  expect(triggerAt("hi @an and more", 6)).toEqual({ kind: "mention", query: "an", from: 3 });
});

it("suggests the names that begin so first", () => {
  const names = ["Joanna", "Mary Ann", "Ann", "anna-2", "Bob"];
  expect(namesFor("an", names, 5)).toEqual(["Ann", "anna-2", "Mary Ann"]);
  expect(namesFor("", names, 2)).toEqual(["Joanna", "Mary Ann"]);
});
