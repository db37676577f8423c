import type { WorklogKind, WorklogLine } from "../state/cloud/model";

export const AWAY_KINDS = ["created", "started", "stopped", "removed", "cancelled", "failed"] as const;
export type AwayKind = (typeof AWAY_KINDS)[number];

const isAwayKind = (kind: WorklogKind): kind is AwayKind => (AWAY_KINDS as readonly string[]).includes(kind);

/** How often each thing happened after `seq`; what was only accepted isn't news yet. */
export function countSince(worklog: readonly WorklogLine[], seq: number): ReadonlyMap<AwayKind, number> {
  const counts = new Map<AwayKind, number>();
  for (const line of worklog) {
    if ((line.seq ?? 0) <= seq || !isAwayKind(line.kind)) continue;
    counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1);
  }
  return counts;
}
