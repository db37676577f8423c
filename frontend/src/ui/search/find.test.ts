import { expect, it } from "vitest";
import { type Findable, find, indexOf } from "./find";

const item = (name: string, also?: string): Findable => ({
  ...{ key: name, kind: "server", name, open: () => undefined },
  ...(also ? { also } : {}),
});
const names = (typed: string, ...items: readonly Findable[]) =>
  find(indexOf(items), typed, 10).map(one => one.name);

it("finds by the name first: whole, its beginning, a word of it, a part of it", () => {
  const all = [item("stweb"), item("old-web"), item("web-1"), item("web")];
  expect(names("WEB", ...all)).toEqual(["web", "web-1", "old-web", "stweb"]);
});

it("finds by the id, after what is found by its name", () => {
  expect(names("ab1", item("db", "ab12-cd"), item("ab1-server"))).toEqual(["ab1-server", "db"]);
  expect(names("cd", item("db", "ab12-cd"))).toEqual(["db"]);
});

it("finds nothing that doesn't match, and takes no character for a pattern", () => {
  expect(names("x", item("web"))).toEqual([]);
  expect(names(".*", item("web"))).toEqual([]);
});

it("shows the first items as long as nothing is typed, and no more than asked for", () => {
  expect(names("  ", item("a"), item("b"))).toEqual(["a", "b"]);
  expect(find(indexOf([item("a"), item("ab"), item("abc")]), "a", 2)).toHaveLength(2);
});
