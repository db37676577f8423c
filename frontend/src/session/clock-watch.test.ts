import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { watchClock } from "./clock-watch";

const reports: string[] = [];
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  stop = watchClock({
    onSlept: () => void reports.push("slept"),
    onClockSet: () => void reports.push("set"),
  });
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  reports.length = 0;
});

it.each([7_200_000, -7_200_000, 2_000, -2_000])(
  "notices that the clock was set by %i ms, once",
  async jump => {
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reports).toEqual([]);
    vi.setSystemTime(Date.now() + jump);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(reports.filter(one => one === "set")).toEqual(["set"]);
    // A device that slept may have a monotonic clock that stopped.
    expect(reports.includes("slept")).toBe(jump > 15_000);
    const before = reports.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reports).toHaveLength(before);
  },
);

it.each([50, -50])(
  "ignores small corrections of the clock, such as those of a time server: %i ms",
  async jump => {
    for (let n = 0; n < 60; n += 1) {
      vi.setSystemTime(Date.now() + jump);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(reports).toEqual([]);
  },
);

it("takes a late timer for a sleep, but not for a clock that was set", () => {
  const [wall, monotonic] = [Date.now(), performance.now()];
  vi.spyOn(Date, "now").mockReturnValue(wall + 60_000);
  vi.spyOn(performance, "now").mockReturnValue(monotonic + 60_000);
  vi.advanceTimersByTime(1_000);
  expect(reports).toEqual(["slept"]);
});
