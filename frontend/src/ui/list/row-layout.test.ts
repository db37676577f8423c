import { expect, it } from "vitest";
import { RowLayout } from "./row-layout";

const keys = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `k${from + i}`);

it("computes the position of every row, measured or not", () => {
  const layout = new RowLayout(10);
  layout.setKeys(keys(0, 100));
  expect(layout.measure(3, [25])).toBe(true);
  expect(layout.measure(3, [25])).toBe(false);
  expect([layout.top(3), layout.top(4), layout.total]).toEqual([30, 55, 1015]);
  expect([layout.rowAt(-5), layout.rowAt(54), layout.rowAt(55), layout.rowAt(9999)]).toEqual([0, 3, 4, 99]);
});

it("moves the rows after measured ones by the sum of the differences", () => {
  const layout = new RowLayout(10);
  layout.setKeys(keys(0, 6));
  expect(layout.measure(1, [12, 10, 7])).toBe(true);
  expect([1, 2, 3, 4, 5].map(index => layout.top(index))).toEqual([10, 22, 32, 39, 49]);
  // Differences that cancel out still move the rows between them.
  expect(layout.measure(4, [11, 9])).toBe(true);
  expect([layout.top(5), layout.total]).toEqual([50, 59]);
});

it("keeps measured heights when rows are inserted above or reordered", () => {
  const layout = new RowLayout(10);
  layout.setKeys(keys(10, 20));
  layout.measure(0, [30]);
  layout.setKeys(keys(0, 20));
  expect(layout.indexOf("k10")).toBe(10);
  expect([layout.top(10), layout.top(11), layout.total]).toEqual([100, 130, 220]);
  layout.setKeys(["k0", "k10", ...keys(1, 10), ...keys(11, 20)]);
  expect(layout.top(2)).toBe(40);
});

it("handles 100,000 rows with some of them measured", () => {
  const layout = new RowLayout(70);
  layout.setKeys(keys(0, 100_000));
  layout.measure(50_000, Array(20).fill(90));
  layout.setKeys(keys(0, 100_001));
  expect(layout.total).toBe(100_001 * 70 + 20 * 20);
});

it("is empty when the list is", () => {
  const layout = new RowLayout(10);
  layout.setKeys(keys(0, 5));
  layout.setKeys([]);
  expect([layout.total, layout.rowAt(50), layout.indexOf("k1")]).toEqual([0, 0, -1]);
});
