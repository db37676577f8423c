import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConnectionState } from "../state/connection";
import { jitteredDelay, parseRetryHint, Reconnector } from "./reconnector";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function startReconnector({ random = () => 0.5, isOnline = (): boolean => true } = {}) {
  const reports: ConnectionState[] = [];
  let connects = 0;
  const reconnector = new Reconnector({
    connect: () => {
      connects += 1;
    },
    disconnect: () => {},
    report: connection => void reports.push(connection),
    random,
    isOnline,
  });
  reconnector.start();
  return { reconnector, last: () => reports.at(-1), connects: () => connects };
}

it("waits a random delay below a ceiling that doubles up to 15 seconds", () => {
  const delays = (random: () => number) =>
    [0, 1, 2, 3, 4, 5, 20].map(failures => jitteredDelay(failures, random));
  expect(delays(() => 0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  expect(delays(() => 1)).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
});

it("reports the time of the next attempt and connects then", () => {
  const { reconnector, last, connects } = startReconnector();
  reconnector.lost();
  reconnector.lost();
  expect(last()).toMatchObject({ phase: "waiting", failures: 2, retryAt: Date.now() + 1_000 });
  vi.advanceTimersByTime(999);
  expect(connects()).toBe(1);
  vi.advanceTimersByTime(1);
  expect([connects(), last()?.phase]).toEqual([2, "connecting"]);
});

it("waits for the server's retry hint plus jitter", () => {
  expect(parseRetryHint("going away; retry in 2.5 s")).toBe(2_500);
  for (const silent of ["", "going away", "retry in 2.5 s", "going away; retry in 2.5 s, or so"])
    expect(parseRetryHint(silent)).toBeUndefined();
  const { reconnector, last, connects } = startReconnector();
  reconnector.lost(2_500);
  expect(last()).toMatchObject({ phase: "waiting", retryAt: Date.now() + 3_000 });
  vi.advanceTimersByTime(2_999);
  expect(connects()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(connects()).toBe(2);
  reconnector.lost(1e9);
  expect(last()?.retryAt).toBe(Date.now() + 61_000);
});

it("resets the failure count only after a stable connection", () => {
  const { reconnector, last } = startReconnector();
  for (let i = 0; i < 3; i += 1) reconnector.lost();
  vi.runAllTimers();
  reconnector.opened();
  vi.advanceTimersByTime(4_000);
  reconnector.lost();
  expect(last()?.failures).toBe(4);
  vi.runAllTimers();
  reconnector.opened();
  vi.advanceTimersByTime(5_000);
  reconnector.lost();
  expect(last()?.failures).toBe(1);
});

it("doesn't reconnect while the device is offline, except on request", () => {
  const { reconnector, last, connects } = startReconnector({ isOnline: () => false });
  reconnector.lost();
  vi.advanceTimersByTime(60_000);
  expect([last()?.phase, connects()]).toEqual(["offline", 1]);
  reconnector.retryNow();
  expect(connects()).toBe(2);
});

it("doesn't reconnect once it is stopped or refused", () => {
  for (const end of ["stop", "refused"] as const) {
    const { reconnector, connects } = startReconnector();
    reconnector.lost();
    reconnector[end]();
    vi.advanceTimersByTime(60_000);
    expect(connects()).toBe(1);
  }
});
