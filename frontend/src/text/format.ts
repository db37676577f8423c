import type { Language } from "../i18n/language";
import { graphemes } from "./typed";

const two = (value: number): string => String(value).padStart(2, "0");

const dayOf = (date: Date): string => `${two(date.getDate())}.${two(date.getMonth() + 1)}`;

/** The text of a time; a time that no date has is shown as it is, so that one wrong value doesn't break the page. */
const textOf = (timestamp: string | number, format: (date: Date) => string): string => {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? String(timestamp) : format(date);
};

/** `HH:MM DD.MM.YYYY` in the reader's time zone, the same in every language. */
export const formatMessageTime = (timestamp: string | number): string =>
  textOf(
    timestamp,
    date => `${two(date.getHours())}:${two(date.getMinutes())} ${dayOf(date)}.${date.getFullYear()}`,
  );

/** `HH:MM` in the reader's time zone. */
export const formatClock = (timestamp: string | number): string =>
  textOf(timestamp, date => `${two(date.getHours())}:${two(date.getMinutes())}`);

/** The day of a time in the reader's time zone, the same for all times of a day: for comparison, not for display. */
export const dayKey = (timestamp: string | number): string =>
  textOf(timestamp, date => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`);

/** A day in words, such as `Saturday, November 28`; with the year unless it is this one. */
export function formatDay(language: Language, timestamp: string | number, now = Date.now()): string {
  return textOf(timestamp, date => {
    const isThisYear = date.getFullYear() === new Date(now).getFullYear();
    const year = isThisYear ? {} : ({ year: "numeric" } as const);
    const format = { weekday: "long", month: "long", day: "numeric", ...year } as const;
    return new Intl.DateTimeFormat(language, format).format(date);
  });
}

/** `HH:MM:SS DD.MM.YY` in the reader's time zone. */
export const formatLogTime = (timestamp: string | number): string =>
  textOf(timestamp, date => {
    const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
    return `${time} ${dayOf(date)}.${two(date.getFullYear() % 100)}`;
  });

/** `HH:MM:SS` in the reader's time zone. */
export const formatExactClock = (timestamp: string | number): string =>
  textOf(timestamp, date => [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":"));

const DAY_MS = 86_400_000;

/** The day of a time, with words for today and yesterday. */
export function formatRecentDay(
  language: Language,
  timestamp: string | number,
  [today, yesterday]: readonly [string, string],
): string {
  const format = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
  return textOf(timestamp, date => {
    const midnights = [Date.now(), date.getTime()].map(time => new Date(time).setHours(0, 0, 0, 0));
    const days = Math.round(((midnights[0] ?? 0) - (midnights[1] ?? 0)) / DAY_MS);
    return days === 0 ? today : days === 1 ? yesterday : format.format(date);
  });
}

/** The offset of the reader's time zone from UTC at a time, such as `UTC+03:00`. */
function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** The date, the time and its offset: unambiguous in the hour that the end of daylight saving time repeats, too. */
export function formatFullTime(language: Language, timestamp: string | number): string {
  const format = new Intl.DateTimeFormat(language, {
    weekday: "long",
    ...{ year: "numeric", month: "long", day: "numeric" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  });
  return textOf(timestamp, date => `${format.format(date)} ${offsetOf(date)}`);
}

/** Whole seconds until `due`, at least zero. */
export const secondsUntil = (due: number, now: number): number => Math.max(0, Math.ceil((due - now) / 1000));

/** The initials of a name: one or two letters or digits; the first character alone if it is of another kind. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  const firsts = words.map(word => graphemes(word)[0] ?? "");
  const [first = ""] = firsts;
  if (!/[\p{L}\p{N}]/u.test(first)) return first;
  const second = firsts.slice(1).find(letter => /[\p{L}\p{N}]/u.test(letter)) ?? "";
  return (first + second).toLocaleUpperCase();
}

/** Whether a message consists of one to four emoji. */
export const isEmojiOnly = (text: string): boolean =>
  /^(?:[\p{Extended_Pictographic}\u{1F1E6}-\u{1F1FF}][\uFE0F\u{1F3FB}-\u{1F3FF}]?(?:\u200D\p{Extended_Pictographic}\uFE0F?)*\s?){1,4}$/u.test(
    text,
  );
