import { expect, it } from "vitest";
import type { LogChunk } from "../../../contract/generated";
import { EMPTY_LOG, LINES_MAX, type LogRow, paused, resumed, withChunks } from "./log-buffer";

let seq = 0;
const chunk = (from: number, count: number, skipped = 0): LogChunk => ({
  interrupted: false,
  ...{ seq: ++seq, end: false, skipped },
  lines: Array.from({ length: count }, (_, n) => ({ text: String(from + n), source: "stdout" as const })),
});
const texts = (rows: readonly LogRow[]) => rows.map(({ line, skipped }) => line?.text ?? `-${skipped}`);

it("keeps lines in order, and says where some are missing", () => {
  expect(texts(withChunks(EMPTY_LOG, [chunk(1, 2), chunk(8, 1, 5)]).rows)).toEqual(["1", "2", "-5", "8"]);
  expect(withChunks(EMPTY_LOG, [chunk(1, 0)])).toBe(EMPTY_LOG);
});

it("marks the place where lines may be missing after a disconnect", () => {
  expect(texts(withChunks(EMPTY_LOG, [chunk(1, 1), { ...chunk(8, 1), isGap: true }]).rows)).toEqual([
    "1",
    "-0",
    "8",
  ]);
});

it("is bounded, however many lines come, and counts all that it dropped", () => {
  let log = EMPTY_LOG;
  for (let from = 0; from < 5 * LINES_MAX; from += 200) log = withChunks(log, [chunk(from, 200)]);
  expect(log.rows).toHaveLength(LINES_MAX);
  expect(texts(log.rows).slice(0, 2)).toEqual([`-${4 * LINES_MAX + 1}`, String(4 * LINES_MAX + 1)]);
  expect(new Set(log.rows.map(({ key }) => key)).size).toBe(LINES_MAX);
});

it("shows nothing new during a pause, and all of it afterwards", () => {
  const before = withChunks(EMPTY_LOG, [chunk(1, 2)]);
  const during = withChunks(paused(before), [chunk(3, 2)]);
  expect(texts(during.rows)).toEqual(["1", "2"]);
  expect(during.held).toHaveLength(2);
  expect(texts(resumed(during).rows)).toEqual(["1", "2", "3", "4"]);
  const long = withChunks(paused(before), [chunk(3, LINES_MAX + 10)]);
  expect(long.held).toHaveLength(LINES_MAX);
  expect(resumed(long).rows).toHaveLength(LINES_MAX);
});
