import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Batcher } from "./batcher";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function collect() {
  const batches: (readonly number[])[] = [];
  return { batches, batcher: new Batcher<number>(items => void batches.push(items)) };
}

it("passes on single items at once", () => {
  const { batches, batcher } = collect();
  batcher.add([1]);
  vi.advanceTimersByTime(60);
  batcher.add([2]);
  expect(batches).toEqual([[1], [2]]);
});

it("passes on a burst as one batch, complete and in order", () => {
  const { batches, batcher } = collect();
  for (let n = 1; n <= 5; n += 1) batcher.add([n]);
  expect(batches).toEqual([[1]]);
  vi.advanceTimersByTime(50);
  expect(batches).toEqual([[1], [2, 3, 4, 5]]);
  vi.runAllTimers();
  expect(batches).toHaveLength(2);
});

it("flushes pending items once", () => {
  const { batches, batcher } = collect();
  batcher.add([1]);
  batcher.add([2]);
  batcher.flush();
  batcher.flush();
  vi.runAllTimers();
  expect(batches).toEqual([[1], [2]]);
});
