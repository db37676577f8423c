import { expect, it, vi } from "vitest";
import { splitLinks } from "./links";

const hrefs = (text: string) => splitLinks(text).flatMap(part => ("href" in part ? [part.href] : []));

it.each([
  ["see https://a.example/b.", ["https://a.example/b"]],
  ["(https://a.example/x_(y))", ["https://a.example/x_(y)"]],
  ["www.a.example, http://b.example/?q=1!", ["https://www.a.example/", "http://b.example/?q=1"]],
  ["https://я.рф/путь", ["https://xn--41a.xn--p1ai/%D0%BF%D1%83%D1%82%D1%8C"]],
  ["javascript:alert(1) data:text/html,x ftp://a.example", []],
  ["https://", []],
  ["http://localhost:3000/ and https://nodots.", ["http://localhost:3000/", "https://nodots/"]],
  ["http://127.0.0.1:8000/x http://[::1]:80/", ["http://127.0.0.1:8000/x", "http://[::1]/"]],
  ["https://en.wikipedia.org/wiki/Devil's_advocate", ["https://en.wikipedia.org/wiki/Devil's_advocate"]],
  ["https://a.example/l’été", ["https://a.example/l%E2%80%99%C3%A9t%C3%A9"]],
  ["'https://a.example/x', ‘https://b.example’", ["https://a.example/x", "https://b.example/"]],
  [
    "见https://a.example/b。然后（https://b.example/c），「https://c.example」",
    ["https://a.example/b", "https://b.example/c", "https://c.example/"],
  ],
  ["«https://a.example/» “https://b.example/”", ["https://a.example/", "https://b.example/"]],
  ["[x](https://a.example/y)", ["https://a.example/y"]],
  ["www. www.. http://. http://, www.x", []],
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

it.each([")", "(", "www.", "https://a.b/)", "'", "https://", "[)", "。"])(
  "reads a hostile message of many %j once",
  piece => {
    const message = `https://a.example/${piece.repeat(4_000)}`;
    const charAt = vi.spyOn(String.prototype, "charAt");
    const parts = splitLinks(message);
    const reads = charAt.mock.calls.length;
    charAt.mockRestore();
    expect(parts.map(part => part.text).join("") === message).toBe(true);
    expect(reads).toBeLessThanOrEqual(3 * message.length);
  },
);
