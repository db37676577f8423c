import type { ShownRow } from "../../state/chat/message-changes";
import type { OutgoingMessage } from "../../state/chat/model";
import { dayKey } from "../../text/format";

/** A row of the conversation: a message, or an own one that the server has not stored yet. */
export type ConversationRow = ShownRow | OutgoingMessage;

/** Messages of one author that follow each other within this time share the avatar and the name. */
const GROUP_MS = 5 * 60_000;

export const isOutgoing = (row: ConversationRow): row is OutgoingMessage => "status" in row;

/** When a row was written: a timestamp, or Unix milliseconds. */
export const timeOf = (row: ConversationRow): string | number => (isOutgoing(row) ? row.at : row.timestamp);

/** What is shown above a row. */
export interface RowHead {
  /** Whether it is the first row of its day. */
  readonly startsDay: boolean;
  /** Whether the user has not seen this row and those after it. */
  readonly startsNew: boolean;
  /** Whether it has a name and an avatar; otherwise it belongs to the group of the row before it. */
  readonly startsGroup: boolean;
}

const seqOf = (row: ConversationRow | undefined): number =>
  row === undefined ? Number.NEGATIVE_INFINITY : isOutgoing(row) ? Number.POSITIVE_INFINITY : row.seq;

/** What is above `row`, which follows `before`. The messages after the sequence number `seenUpTo` are new. */
export function headOf(
  row: ConversationRow,
  before: ConversationRow | undefined,
  seenUpTo: number | undefined,
): RowHead {
  const startsDay = !before || dayKey(timeOf(before)) !== dayKey(timeOf(row));
  const startsNew =
    seenUpTo !== undefined && !isOutgoing(row) && row.seq > seenUpTo && seqOf(before) <= seenUpTo;
  const isSoon =
    before !== undefined &&
    before.user.id === row.user.id &&
    Math.abs(new Date(timeOf(row)).getTime() - new Date(timeOf(before)).getTime()) <= GROUP_MS;
  return { startsDay, startsNew, startsGroup: startsDay || startsNew || !isSoon };
}
