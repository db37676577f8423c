import { expect, it } from "vitest";
import { csvOf } from "./csv";

it("begins with a byte order mark, so that Excel reads Cyrillic", () => {
  const file = new TextEncoder().encode(csvOf([["имя"]], "en"));
  expect([...file.slice(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
});

it.each([
  ["en-US", "1,2"],
  ["ru-RU", "1;2"],
  ["de", "1;2"],
  ["en-US@posix", "1,2"],
  ["de_DE.UTF-8@euro", "1;2"],
  ["C", "1,2"],
  ["", "1,2"],
])("separates columns as spreadsheets with the locale %s do", (locale, expected) => {
  expect(csvOf([[1, 2]], locale)).toBe(`\uFEFF${expected}`);
});

it("ends rows with CRLF and quotes cells that contain a separator, a quote or a line break", () => {
  const rows = [
    ["a,b", 'say "x"'],
    ["c;d", "two\nlines"],
    ["", undefined],
  ];
  expect(csvOf(rows, "en")).toBe('\uFEFF"a,b","say ""x"""\r\n"c;d","two\nlines"\r\n,');
});

it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠x"])(
  "keeps spreadsheets from running %j",
  formula => {
    expect(
      csvOf([[formula]], "en")
        .replaceAll('"', "")
        .slice(1),
    ).toBe(`'${formula}`);
  },
);
