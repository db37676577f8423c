import { expect, it } from "vitest";
import { keptFile } from "./kept-file";

const SCOPE = "https://example.github.io/opsroom/";
const FILES = new Set(["index.html", "manifest.json", "main.0123456789.js"]);
const asked = (path: string, more: { method?: string; mode?: string } = {}) =>
  keptFile({ method: "GET", mode: "cors", ...more, url: new URL(path, SCOPE).href }, SCOPE, FILES);
const opened = (path: string) => asked(path, { mode: "navigate" });

it.each(["", "?demo", "?code=secret&state=1", "index.html", "#/servers"])("opens the page at %j", path => {
  expect(opened(path)).toBe("index.html");
});

it.each(["docs/", "docs/operations/", "api/v1/session", "chat", "/", "https://elsewhere.example/"])(
  "leaves the navigation to %j to the network",
  path => {
    expect(opened(path)).toBeUndefined();
  },
);

it("serves the listed files, and parts of earlier versions", () => {
  expect(asked("main.0123456789.js")).toBe("main.0123456789.js");
  expect(asked("manifest.json")).toBe("manifest.json");
  expect(asked("cloud.abcdef0123.js")).toBe("cloud.abcdef0123.js");
});

it.each([
  "api/v1/session",
  "api/v1/chat/users?token=main.0123456789.js",
  "main.0123456789.js?token=secret",
  "docs/assets/main.0123456789.js",
  "inter-license.txt",
  "/main.0123456789.js",
  "/other/main.0123456789.js",
  "https://elsewhere.example/opsroom/main.0123456789.js",
])("leaves %j to the network", path => {
  expect(asked(path)).toBeUndefined();
});

it("leaves everything that writes to the network", () => {
  for (const method of ["POST", "HEAD", "DELETE"]) expect(asked("manifest.json", { method })).toBeUndefined();
});
