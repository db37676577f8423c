import type { WorklogKind, WorklogLine } from "../state/cloud/model";

export const MISSED_EVENT_KINDS = [
  "created",
  "started",
  "stopped",
  "removed",
  "cancelled",
  "failed",
] as const;
export type MissedEventKind = (typeof MISSED_EVENT_KINDS)[number];

const isMissedEventKind = (kind: WorklogKind): kind is MissedEventKind =>
  (MISSED_EVENT_KINDS as readonly string[]).includes(kind);

/** Count the events after `seq` by kind, without accepted commands. */
export function countSince(
  worklog: readonly WorklogLine[],
  seq: number,
): ReadonlyMap<MissedEventKind, number> {
  const counts = new Map<MissedEventKind, number>();
  for (const line of worklog) {
    if ((line.seq ?? 0) <= seq || !isMissedEventKind(line.kind)) continue;
    counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1);
  }
  return counts;
}
