import { expect, it } from "vitest";
import { textCases } from "../../testing/text-cases";
import { cleanName } from "./name-rules";

it.each(textCases.names)("treats the name $typed as the server does", ({ typed, kept, problem }) => {
  if (kept !== undefined) expect(cleanName(typed)).toBe(kept);
  else expect(() => cleanName(typed)).toThrow(problem);
});

it.each(["\uFFFC", "Ann\uFFFC", "Ann\u{13441}"])(
  "refuses a name with a character that draws nothing: %j",
  typed => {
    expect(() => cleanName(typed)).toThrow("invisible");
  },
);
