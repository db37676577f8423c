import { expect, it } from "vitest";
import { colorOf, PALETTE } from "./palette";

const channels = (color: string): number[] =>
  [1, 3, 5].map(at => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });

/** The contrast of white text on a color, by WCAG 2. */
function contrastWithWhite(color: string): number {
  const [red = 0, green = 0, blue = 0] = channels(color);
  return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05);
}

it.each([...PALETTE])("white initials can be read on %s", color => {
  expect(contrastWithWhite(color)).toBeGreaterThanOrEqual(4.5);
});

it("has twelve different colors, and uses all of them", () => {
  expect(new Set(PALETTE).size).toBe(12);
  const used = new Set(Array.from({ length: 300 }, (_, n) => colorOf(`person ${n}`)));
  expect(used.size).toBe(12);
});

it("gives a name one color, however it is written", () => {
  expect(colorOf("  Marina ")).toBe(colorOf("marina"));
  expect(colorOf("marina")).not.toBe(colorOf("marinb"));
});
