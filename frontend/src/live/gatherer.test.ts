import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Gatherer } from "./gatherer";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function gather() {
  const told: (readonly number[])[] = [];
  return { told, gatherer: new Gatherer<number>(items => void told.push(items)) };
}

it("hands on at once what comes alone", () => {
  const { told, gatherer } = gather();
  gatherer.add([1]);
  vi.advanceTimersByTime(60);
  gatherer.add([2]);
  expect(told).toEqual([[1], [2]]);
});

it("hands on a flood together, all of it and in order", () => {
  const { told, gatherer } = gather();
  for (let n = 1; n <= 5; n += 1) gatherer.add([n]);
  expect(told).toEqual([[1]]);
  vi.advanceTimersByTime(50);
  expect(told).toEqual([[1], [2, 3, 4, 5]]);
  vi.runAllTimers();
  expect(told).toHaveLength(2);
});

it("hands on what waits when it is asked to, once", () => {
  const { told, gatherer } = gather();
  gatherer.add([1]);
  gatherer.add([2]);
  gatherer.flush();
  gatherer.flush();
  vi.runAllTimers();
  expect(told).toEqual([[1], [2]]);
});
