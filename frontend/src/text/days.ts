import { dayKey } from "./format";

const DAY = /^\d{4}-\d\d-\d\d$/;

/**
 * When a day such as `2026-11-28` begins in the reader's time zone, or `offset` days later, in milliseconds; undefined
 * if there is no such day.
 */
export function startOf(day: string, offset = 0): number | undefined {
  if (!DAY.test(day)) return undefined;
  const [year = 0, month = 0, date = 0] = day.split("-").map(Number);
  // A date such as February 30 is no day.
  if (dayKey(new Date(year, month - 1, date).getTime()) !== day) return undefined;
  return new Date(year, month - 1, date + offset).getTime();
}

/** A range of time, as the server takes it: both ends belong to it. */
export interface TimeRange {
  readonly from?: string;
  readonly to?: string;
}

/** The range of whole days; a text that is no day sets no limit. */
export function rangeOfDays(first: string, last: string): TimeRange {
  const [from, end] = [startOf(first), startOf(last, 1)];
  return {
    ...(from === undefined ? {} : { from: new Date(from).toISOString() }),
    ...(end === undefined ? {} : { to: new Date(end - 1).toISOString() }),
  };
}

/** The day that is `days` before today. */
export const daysAgo = (days: number, now = Date.now()): string => {
  const today = new Date(now);
  return dayKey(new Date(today.getFullYear(), today.getMonth(), today.getDate() - days).getTime());
};
