import { expect, it } from "vitest";
import { addressLabel, chooseAddress, homeOf, isMixed, parseAddress } from "./address";

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

const choose = (search: string, stored?: string, built?: string, trusted: readonly string[] = []) =>
  chooseAddress({
    query: new URLSearchParams(search),
    stored,
    built,
    home: "https://page.example",
    trusted,
  });

it.each([
  ["http://a.example/", "http://a.example"],
  ["http://a.example:8000/index.html?x=/y/#/cloud", "http://a.example:8000"],
  ["https://a.example/opsroom/", "https://a.example/opsroom"],
  ["https://a.example/tools/opsroom/index.html", "https://a.example/tools/opsroom"],
])("finds the folder of the page at %s", (url, home) => {
  expect(homeOf(url)).toBe(home);
});

it("prefers the link, then the settings, then the build, then the page's origin", () => {
  const from = (...choice: Parameters<typeof choose>) => addressLabel(choose(...choice).address);
  expect(from("?api=a.example", "b.example", "c.example")).toBe("https://a.example");
  expect(from("?api=javascript:x", "b.example")).toBe("https://b.example");
  expect(from("", undefined, "c.example")).toBe("https://c.example");
  expect(from("")).toBe("https://page.example");
  expect(from("?demo", "b.example")).toBe("demo");
});

it("doesn't trust a server that only the link names until the user confirms it", () => {
  const strange = (...choice: Parameters<typeof choose>) => choose(...choice).untrusted;
  expect(strange("?api=a.example")).toBe(true);
  expect(strange("?api=a.example", "b.example", "c.example")).toBe(true);
  expect(strange("?api=https://page.example:444")).toBe(true);
  expect(strange("?api=a.example", undefined, undefined, ["https://a.example"])).toBe(false);
  expect(strange("?api=a.example", "a.example")).toBe(false);
  expect(strange("?api=https://page.example")).toBe(false);
  expect(strange("", "a.example")).toBe(false);
  expect(strange("?api=javascript:alert(1)")).toBe(false);
});

it("detects mixed content", () => {
  expect(isMixed("https://page.example", "http://a.example")).toBe(true);
  expect(isMixed("https://page.example", "http://127.0.0.1.evil.example")).toBe(true);
  for (const base of ["https://a.example", "http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]"])
    expect(isMixed("https://page.example", base)).toBe(false);
  expect(isMixed("http://page.example", "http://a.example")).toBe(false);
});
