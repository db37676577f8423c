import { expect, it } from "vitest";
import { splitLinks } from "./links";

const hrefs = (text: string) => splitLinks(text).flatMap(part => ("href" in part ? [part.href] : []));

it.each([
  ["see https://a.example/b.", ["https://a.example/b"]],
  ["(https://a.example/x_(y))", ["https://a.example/x_(y)"]],
  ["www.a.example, http://b.example/?q=1!", ["https://www.a.example/", "http://b.example/?q=1"]],
  ["https://я.рф/путь", ["https://xn--41a.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C"]],
  ["javascript:alert(1) data:text/html,x ftp://a.example", []],
  ["https://", []],
  ["https://nodots", []],
  ['https://a.example/"onclick="x', ["https://a.example/"]],
  ["<a href=https://a.example>", ["https://a.example/"]],
])("finds in %j the links %j", (text, expected) => {
  expect(hrefs(text)).toEqual(expected);
});

it("keeps every character of the message", () => {
  const text = "a https://x.example/1, (b) www.y.example!\nhttps://z.example";
  expect(
    splitLinks(text)
      .map(part => part.text)
      .join(""),
  ).toBe(text);
});
