import { expect, it } from "vitest";
import { textCases } from "../testing/text-cases";
import { cleanName } from "./name-rules";

it.each(textCases.names)("treats the name $typed as the server does", ({ typed, kept, problem }) => {
  if (kept !== undefined) expect(cleanName(typed)).toBe(kept);
  else expect(() => cleanName(typed)).toThrow(problem);
});
