import { expect, it } from "vitest";
import { chooseAddress, parseAddress } from "./address";

it.each([
  ["https://a.example/", "https://a.example"],
  ["https://a.example/base/", "https://a.example/base"],
  ["a.example", "https://a.example"],
  ["localhost:8000", "http://localhost:8000"],
  ["127.0.0.1:8000", "http://127.0.0.1:8000"],
])("reads %s as %s", (typed, base) => {
  expect(parseAddress(typed)).toEqual({ kind: "server", base });
});

it.each([
  "",
  "javascript:alert(1)",
  "ftp://a.example",
  "file:///etc/passwd",
  "https://u:p@a.example",
  "http://",
])("refuses %j", typed => {
  expect(parseAddress(typed)).toBeUndefined();
});

it("prefers the link, then the choice, then the build, then the page's own origin", () => {
  const from = (search: string, stored?: string, built?: string) =>
    chooseAddress({ query: new URLSearchParams(search), stored, built, origin: "https://page.example" });
  expect(from("?api=a.example", "b.example", "c.example")).toEqual({
    kind: "server",
    base: "https://a.example",
  });
  expect(from("?api=javascript:x", "b.example")).toEqual({ kind: "server", base: "https://b.example" });
  expect(from("", undefined, "c.example")).toEqual({ kind: "server", base: "https://c.example" });
  expect(from("")).toEqual({ kind: "server", base: "https://page.example" });
  expect(from("?demo", "b.example")).toEqual({ kind: "demo" });
});
