import { expect, it } from "vitest";
import { formatLabels, isServerName, labelChanges, parseLabels } from "./labels";

it.each([
  ["web-1", true],
  ["a", true],
  ["a".repeat(63), true],
  ["a".repeat(64), false],
  ["Web", false],
  ["-a", false],
  ["a-", false],
  ["", false],
  ["d5466d69-3f59-4c4e-87f5-ad99903efb87", false],
])("%s is a name: %s", (name, expected) => expect(isServerName(name)).toBe(expected));

it("parses what it formats", () => {
  const labels = { env: "prod", ci: "", "app/tier": "web front" };
  expect(parseLabels(formatLabels(labels))).toEqual({ labels });
  expect(parseLabels(" env=prod , ci, app/tier=web front,")).toEqual({ labels });
  expect(parseLabels("")).toEqual({ labels: {} });
});

it.each(["Env=prod", "=x", "a b", `x=${"y".repeat(64)}`, "x-=1"])("says that %s is no label", text => {
  expect(parseLabels(`ok=1, ${text}`)).toEqual({ invalid: text });
});

it("sends only what changes", () => {
  expect(labelChanges({ a: "1", b: "2" }, { a: "1", b: "3", c: "" })).toEqual({ b: "3", c: "" });
  expect(labelChanges({ a: "1" }, {})).toEqual({ a: null });
  expect(labelChanges({ a: "1" }, { a: "1" })).toBeUndefined();
});
