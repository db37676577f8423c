import { expect, it } from "vitest";
import { splitCode } from "./code-blocks";

it("finds blocks between lines of three backticks", () => {
  expect(splitCode("Log:\n```\none\n  two\n```\nwhat now?")).toEqual(["Log:", "one\n  two", "what now?"]);
  expect(splitCode("```sh\nls\n```")).toEqual(["", "ls", ""]);
  expect(splitCode("```\na\n```\n```\nb\n```")).toHaveLength(3);
  expect(splitCode("```\na\n```\nand\n```\nb\n```")).toEqual(["", "a", "and", "b", ""]);
});

it("leaves alone what is no block", () => {
  for (const text of ["plain", "```inline```", "```\nno end", "a ``` b\nc\n```"])
    expect(splitCode(text)).toEqual([text]);
});

it("reads a hostile message once", () => {
  expect(splitCode("```\n".repeat(1_000)).length).toBeGreaterThan(0);
});
