import { expect, it, vi } from "vitest";
import {
  dayKey,
  formatClock,
  formatDay,
  formatFullTime,
  formatLogTime,
  formatMessageTime,
  initials,
  isEmojiOnly,
  secondsUntil,
} from "./format";

const local = new Date(2019, 2, 20, 23, 4, 5);

it("writes message times as HH:MM DD.MM.YYYY", () => {
  expect(formatMessageTime(local.toISOString())).toBe("23:04 20.03.2019");
});

it("writes the time of a day, and days in words", () => {
  const [saturday, now] = [new Date(2026, 10, 28, 9, 5).getTime(), new Date(2026, 10, 30).getTime()];
  expect(formatClock(saturday)).toBe("09:05");
  expect(formatDay("en", saturday, now)).toBe("Saturday, November 28");
  expect(formatDay("ru", saturday, now)).toBe("суббота, 28 ноября");
  expect(formatDay("en", local.getTime(), now)).toBe("Wednesday, March 20, 2019");
  expect(dayKey(saturday)).toBe("2026-11-28");
  expect(dayKey(new Date(2026, 10, 28, 23, 59).toISOString())).toBe(dayKey(saturday));
});

it("writes Worklog times as HH:MM:SS DD.MM.YY", () => {
  expect(formatLogTime(local.toISOString())).toBe("23:04:05 20.03.19");
});

it("tells the two hours apart that the end of daylight saving time repeats", () => {
  vi.stubEnv("TZ", "America/New_York");
  const [first, second] = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"] as const;
  expect(formatMessageTime(first)).toBe(formatMessageTime(second));
  expect(formatFullTime("en", first)).toBe("Sunday, November 1, 2026 at 01:30:00 UTC−04:00");
  expect(formatFullTime("en", second)).toBe("Sunday, November 1, 2026 at 01:30:00 UTC−05:00");
  vi.stubEnv("TZ", "Asia/Kolkata");
  expect(formatFullTime("ru", first)).toBe("воскресенье, 1 ноября 2026 г. в 11:00:00 UTC+05:30");
  vi.unstubAllEnvs();
});

it("counts seconds up to the due time and never below zero", () => {
  expect(secondsUntil(10_000, 0)).toBe(10);
  expect(secondsUntil(10_000, 9_001)).toBe(1);
  expect(secondsUntil(10_000, 12_000)).toBe(0);
});

it("takes initials from words, as whole characters", () => {
  expect(initials("ada lovelace")).toBe("AL");
  expect(initials("Пётр")).toBe("П");
  expect(initials("😀 smile")).toBe("😀");
  expect(initials("🇩🇪 x")).toBe("🇩🇪");
  expect(initials("👨‍👩‍👧 x")).toBe("👨‍👩‍👧");
});

it("takes only letters and digits as initials, except for a first character of another kind", () => {
  expect(["🦊 fox", "Ann 🦊 Lee", "9 lives", "<b>x"].map(initials)).toEqual(["🦊", "AL", "9L", "<"]);
});

it.each([
  ["😁😁😁", true],
  ["👍🏽 ❤️", true],
  ["👩‍💻", true],
  ["🇳🇱", true],
  ["😁😁😁😁😁", false],
  ["12", false],
  ["ok 👍", false],
  ["", false],
])("detects whether %j consists of emoji only", (text, expected) => {
  expect(isEmojiOnly(text)).toBe(expected);
});

it.each([8.64e15 + 1, Number.NaN, "today"])("shows a time that no date has as it is: %j", time => {
  const shown = String(time);
  expect([formatMessageTime(time), formatLogTime(time), formatFullTime("en", time)]).toEqual([
    shown,
    shown,
    shown,
  ]);
});
