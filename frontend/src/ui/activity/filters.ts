import type { AuditRecord, EventType } from "../../contract/generated";
import { daysAgo, rangeOfDays, type TimeRange } from "../../text/days";
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

/** The days of a filter, in the reader's time zone. */
export function rangeOf(when: string, now = Date.now()): TimeRange {
  if (when === "today") return rangeOfDays(daysAgo(0, now), "");
  if (when === "yesterday") return rangeOfDays(daysAgo(1, now), daysAgo(1, now));
  if (when === "week") return rangeOfDays(daysAgo(6, now), "");
  return rangeOfDays(when, when);
}

const isInRange = (at: string, { from, to }: TimeRange): boolean =>
  (from === undefined || at >= from) && (to === undefined || at <= to);

const MODERATION: readonly string[] = ["remove_message", "mute", "ban", "lift"];

/** Whether an entry of the audit log is shown: what was accepted is in the history of servers as well. */
export function showsAudit({ entry }: AuditRecord, { who, what }: Filters, range: TimeRange): boolean {
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
