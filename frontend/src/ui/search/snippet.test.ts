import { expect, it } from "vitest";
import { snippetOf } from "./snippet";

const hit = (text: string, ...spans: readonly (readonly [number, number])[]) => ({
  message: {
    ...{ seq: 1, id: "m", room: "general", user: { id: "u", name: "Ann" }, text },
    timestamp: "2026-11-30T12:00:00.000Z",
  },
  highlights: spans.map(([start, end]) => ({ start, end })),
});
const marked = (...of: Parameters<typeof hit>) =>
  snippetOf(hit(...of))
    .map(({ text, isMatch }) => (isMatch ? `[${text}]` : text))
    .join("");

it("marks what matches, by characters and not by units of UTF-16", () => {
  expect(marked("👍 restart the server", [2, 9], [14, 20])).toBe("👍 [restart] the [server]");
  expect(marked("no match")).toBe("no match");
});

it("shows the part around the first match on one line", () => {
  const text = `${"a".repeat(200)}\nserver\n${"b".repeat(200)}`;
  const shown = marked(text, [201, 207]);
  expect(shown).toMatch(/^…a+ \[server\] b+…$/);
  expect(shown.length).toBeLessThan(150);
});

it("leaves out marks of code and of emphasis", () => {
  expect(marked("- `web-1` is **running**", [3, 6], [15, 22])).toBe("- [web]-1 is [running]");
});

it("takes matches that overlap or lie outside for what they are", () => {
  expect(marked("one two", [0, 7], [4, 7], [9, 12])).toBe("[one two]");
});
