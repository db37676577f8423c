import { expect, it } from "vitest";
import { splitNames } from "./server-names";

const names = (text: string) => splitNames(text).filter((_, index) => index % 2 === 1);

it("finds what may be the name of a server", () => {
  expect(names("web-1 is slow, restart db2! (cache-a)")).toEqual(["web-1", "db2", "cache-a"]);
  expect(names("look at web-1.")).toEqual(["web-1"]);
});

it("leaves alone words and parts of addresses", () => {
  for (const text of ["the web is slow", "web-1.example.com", "a@web-1", "/srv/web-1", "Web-1", "web_1"])
    expect(names(text)).toEqual([]);
});

it("loses nothing of the text", () => {
  for (const text of ["", "web-1", "a web-1, b", "…web-1/x"]) expect(splitNames(text).join("")).toBe(text);
});
