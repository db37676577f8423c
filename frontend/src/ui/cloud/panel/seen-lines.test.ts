import { expect, it } from "vitest";
import type { LogLine } from "../../../contract/generated";
import { COMPARED_LINES, SeenLines } from "./seen-lines";

const line = (second: number, text = String(second)): LogLine => ({
  text,
  at: new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString(),
  source: "stdout",
});
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => line(from + n));
const texts = (fresh: readonly LogLine[]) => fresh.map(({ text }) => text);

it("leaves out what comes again, and only that", () => {
  const seen = new SeenLines();
  expect(seen.tail).toBeUndefined();
  seen.add(lines(10, 20));
  expect(seen.tail).toBe(COMPARED_LINES);
  seen.resume();
  const first = seen.add(lines(1, 19));
  expect(first).toEqual({ fresh: [], overlaps: true });
  expect(texts(seen.add(lines(20, 22)).fresh)).toEqual(["21", "22"]);
});

it("reports that lines may be missing if the log no longer has any that was shown", () => {
  const seen = new SeenLines();
  seen.add(lines(10, 20));
  seen.resume();
  const { fresh, overlaps } = seen.add(lines(40, 41));
  expect(texts(fresh)).toEqual(["40", "41"]);
  expect(overlaps).toBe(false);
});

it("keeps equal lines that were written several times", () => {
  const seen = new SeenLines();
  seen.add([line(1, "tick"), line(1, "tick")]);
  seen.resume();
  expect(seen.add([line(1, "tick"), line(1, "tick"), line(1, "tick")]).fresh).toHaveLength(1);
});

it("does not compare lines without times", () => {
  const seen = new SeenLines();
  const plain: LogLine = { text: "a", source: "stdout" };
  seen.add([plain]);
  expect(seen.tail).toBe(0);
  seen.resume();
  expect(seen.add([plain]).fresh).toEqual([plain]);
});

it("compares a bounded number of lines", () => {
  const seen = new SeenLines();
  seen.add(lines(1, 3 * COMPARED_LINES));
  seen.resume();
  const { fresh, overlaps } = seen.add(lines(2 * COMPARED_LINES, 3 * COMPARED_LINES + 1));
  expect(texts(fresh)).toEqual([String(3 * COMPARED_LINES + 1)]);
  expect(overlaps).toBe(true);
});
