import type { AuditRecord, EventType } from "../../contract/generated";
import { dayKey } from "../../text/format";
import { comparable, sameName } from "../../text/typed";

/** What can be asked for besides the types of events: kinds of entries of the audit log. */
export const AUDIT_KINDS = ["refused", "moderation", "revoke", "locate"] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** The types of events that can be asked for, in the order of the menu. */
export const EVENT_KINDS = [
  "received",
  "created",
  "started",
  "stopped",
  "restarted",
  "removed",
  "cancelled",
  "failed",
] as const satisfies readonly EventType[];
export type EventKind = (typeof EVENT_KINDS)[number];

/** The filters of the activity, as its address has them; empty texts are no filter. */
export interface Filters {
  readonly who: string;
  readonly what: EventKind | AuditKind | "";
  /** `today`, `yesterday`, `week`, or a day such as `2026-11-28`. */
  readonly when: string;
  /** A part of the name or id of a server, or of a reason. */
  readonly q: string;
}

export const NO_FILTERS: Filters = { who: "", what: "", when: "", q: "" };

const DAY = /^\d{4}-\d\d-\d\d$/;

const isOneOf = <T extends string>(choices: readonly T[], value: string): value is T =>
  choices.some(one => one === value);

export const isAuditKind = (what: Filters["what"]): what is AuditKind => isOneOf(AUDIT_KINDS, what);
export const isEventKind = (what: Filters["what"]): what is EventKind => isOneOf(EVENT_KINDS, what);

/** The filters of an address; what it has that isn't one is ignored. */
export function parseFilters(query: string): Filters {
  const read = new URLSearchParams(query);
  const what = read.get("what") ?? "";
  const when = read.get("when") ?? "";
  return {
    who: read.get("who") ?? "",
    what: isOneOf([...EVENT_KINDS, ...AUDIT_KINDS], what) ? what : "",
    when: isOneOf(["today", "yesterday", "week"], when) || DAY.test(when) ? when : "",
    q: read.get("q") ?? "",
  };
}

/** A range of time, as the server takes it: both ends belong to it. */
export interface Range {
  readonly from?: string;
  readonly to?: string;
}

/** The days of a filter, in the reader's time zone. */
export function rangeOf(when: string, now = Date.now()): Range {
  const today = new Date(now);
  today.setHours(0, 0, 0, 0);
  const day = (offset: number, of = today) =>
    new Date(of.getFullYear(), of.getMonth(), of.getDate() + offset).getTime();
  const days = (from: number, to: number): Range => ({
    from: new Date(from).toISOString(),
    to: new Date(to - 1).toISOString(),
  });
  if (when === "today") return { from: new Date(day(0)).toISOString() };
  if (when === "yesterday") return days(day(-1), day(0));
  if (when === "week") return { from: new Date(day(-6)).toISOString() };
  const [year = 0, month = 0, date = 0] = when.split("-").map(Number);
  const start = new Date(year, month - 1, date);
  // A date such as February 30 is no day.
  return DAY.test(when) && dayKey(start.getTime()) === when ? days(start.getTime(), day(1, start)) : {};
}

const isInRange = (at: string, { from, to }: Range): boolean =>
  (from === undefined || at >= from) && (to === undefined || at <= to);

const MODERATION: readonly string[] = ["remove_message", "mute", "ban", "lift"];

/** Whether an entry of the audit log is shown: what was accepted is in the history of servers as well. */
export function showsAudit({ entry }: AuditRecord, { who, what }: Filters, range: Range): boolean {
  const isModeration = MODERATION.includes(entry.action);
  const isRefused = entry.outcome === "refused";
  const isOnlyHere = isRefused || isModeration || entry.action === "revoke" || entry.action === "locate";
  const isWanted =
    what === "" ||
    (what === "refused" && isRefused) ||
    (what === "moderation" && isModeration) ||
    what === entry.action;
  return isOnlyHere && isWanted && (who === "" || sameName(entry.actor, who)) && isInRange(entry.at, range);
}

/** Whether any of `texts` contains what was typed. */
export function containsText(texts: readonly (string | undefined)[], typed: string): boolean {
  const wanted = comparable(typed);
  return wanted === "" || texts.some(text => text !== undefined && comparable(text).includes(wanted));
}
