import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SilenceWatch } from "./silence-watch";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function startWatch(intervalMs?: number) {
  const onSilence = vi.fn();
  const watch = new SilenceWatch(onSilence);
  watch.start(intervalMs);
  return { watch, onSilence };
}

it("reports a silence within 45 seconds, once", () => {
  const { watch, onSilence } = startWatch();
  for (let n = 0; n < 10; n += 1) {
    vi.advanceTimersByTime(15_000);
    watch.heard();
  }
  vi.advanceTimersByTime(30_000);
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(15_000);
  expect(onSilence).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(100_000);
  expect(onSilence).toHaveBeenCalledTimes(1);
});

it("follows the interval of the server", () => {
  const { onSilence } = startWatch(1_000);
  vi.advanceTimersByTime(2_000);
  expect(onSilence).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(onSilence).toHaveBeenCalledTimes(1);
});

it("reports the silence of a sleep at once, and no shorter one", () => {
  const { watch, onSilence } = startWatch();
  vi.setSystemTime(Date.now() + 15_000);
  watch.wake();
  expect(onSilence).not.toHaveBeenCalled();
  vi.setSystemTime(Date.now() + 10_000);
  watch.wake();
  watch.wake();
  expect(onSilence).toHaveBeenCalledTimes(1);
});

it("is not misled by a clock that is set back", () => {
  const { onSilence } = startWatch();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(50_000);
  expect(onSilence).toHaveBeenCalledTimes(1);
});

it("reports nothing once it is stopped", () => {
  const { watch, onSilence } = startWatch();
  watch.stop();
  vi.advanceTimersByTime(100_000);
  watch.wake();
  expect(onSilence).not.toHaveBeenCalled();
});
