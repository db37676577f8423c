import { COMMANDS, type LifecycleCommand } from "../contract/generated";
import type { WorklogKind, WorklogLine } from "../state/cloud/model";

/** The events that the summary counts: those that complete or end a command. */
export type MissedEventKind =
  | (typeof COMMANDS)[LifecycleCommand]["done"]
  | "adopted"
  | "lost"
  | "cancelled"
  | "failed";
export const MISSED_EVENT_KINDS: readonly MissedEventKind[] = [
  ...Object.values(COMMANDS).map(spec => spec.done),
  ...(["adopted", "lost", "cancelled", "failed"] as const),
];

const isMissedEventKind = (kind: WorklogKind): kind is MissedEventKind =>
  (MISSED_EVENT_KINDS as readonly WorklogKind[]).includes(kind);

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
