import { expect, it } from "vitest";
import { ApiError } from "../api/errors";
import { NAME_MAX } from "../contract/generated";
import { graphemes, lengthOf } from "../text/typed";
import { availableNames, candidatesFor, registerWithSuffix } from "./names";

const FAMILY = "👨‍👩‍👧‍👦";
const LONG = `${FAMILY.repeat(4)}abcd`; // 32 code points

const taken = () => Promise.reject(new ApiError({ code: "name_taken", detail: "" }));

it("suggests names of whole graphemes, within the limit", () => {
  for (const one of candidatesFor(LONG)) {
    expect(lengthOf(one)).toBeLessThanOrEqual(NAME_MAX);
    expect(() => encodeURIComponent(one)).not.toThrow();
    expect(
      graphemes(one)
        .filter(grapheme => grapheme !== FAMILY)
        .join(""),
    ).toMatch(/^[\w-]*$/u);
  }
});

it("appends numbers to whole graphemes", async () => {
  const tried: string[] = [];
  const attempt = registerWithSuffix(`${FAMILY.repeat(4)}😀😀😀😀`, one => {
    tried.push(one);
    return taken();
  });
  await expect(attempt).rejects.toThrow();
  expect(tried.slice(1)).toEqual([2, 3, 4, 5].map(n => `${FAMILY.repeat(4)}😀😀-${n}`));
});

it("suggests something for a blank name", () => {
  expect(candidatesFor("  ")[0]).toBe("guest-2");
});

it("suggests no name that is taken in another case or width", async () => {
  const users = async () => [{ id: "1", name: "ＡＮＮ-2" }];
  expect(await availableNames({ users }, "ann", ["Ann", "ann-2", "ann-3"])).toEqual(["ann-3"]);
});
