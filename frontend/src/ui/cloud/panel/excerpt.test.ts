import { expect, it } from "vitest";
import { TEXT_MAX } from "../../../contract/generated";
import { parseMarkdown } from "../../../text/markdown/blocks";
import { lengthOf } from "../../../text/typed";
import { withExcerpt } from "./excerpt";

it("puts lines of a log after what was written, as a block", () => {
  expect(withExcerpt("", "Log of web-1:", "one\ntwo")).toBe("Log of web-1:\n```\none\ntwo\n```\n");
  expect(withExcerpt("Look:\n", "Log of web-1:", "one")).toBe("Look:\nLog of web-1:\n```\none\n```\n");
});

it("keeps the last whole lines that a message can have", () => {
  const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n} 😀`).join("\n");
  const text = withExcerpt("before", "Log of web-1:", lines);
  expect(lengthOf(text.trim())).toBeLessThanOrEqual(TEXT_MAX);
  expect(lengthOf(text.trim())).toBeGreaterThan(TEXT_MAX - 20);
  const block = parseMarkdown(text)[1];
  expect(block?.type === "fence" && block.text).toMatch(/^line \d+ 😀\n[\s\S]*line 1999 😀$/);
});

it("stays one block, whatever the lines contain", () => {
  expect(parseMarkdown(withExcerpt("", "Log:", "a\n```\nb"))).toHaveLength(2);
});
