import type {
  EditedFrame,
  ErrorCode,
  Message,
  MessageFrame,
  PinnedFrame,
  ReactionFrame,
  Reactions,
  RemovedFrame,
  ThreadSummary,
  User,
} from "../../contract/generated";

/** A message as it is displayed; a removed one has no text, and `author` if they deleted it themselves. */
export type ShownMessage = Message & {
  readonly removed?: "author" | "moderator";
  /** All changes up to this sequence are in it; undefined: those up to its own sequence. */
  readonly changedSeq?: number | undefined;
};

/** The placeholder of a removed message. */
export const withoutText = (message: ShownMessage, byAuthor = false): ShownMessage => {
  const { seq, id, room, user, timestamp, clientId, thread, broadcast } = message;
  return {
    ...{ seq, id, room, user, timestamp, text: "", removed: byAuthor ? "author" : "moderator" },
    ...(clientId === undefined ? {} : { clientId }),
    ...(thread === undefined ? {} : { thread }),
    ...(broadcast === undefined ? {} : { broadcast }),
  };
};

/** A reply, which changes the message that it replies to. */
export type ReplyFrame = MessageFrame & { readonly thread: string };

/** A frame that changes a message. */
export type ChangeFrame = EditedFrame | ReactionFrame | PinnedFrame | RemovedFrame | ReplyFrame;

export const isReply = (frame: MessageFrame): frame is ReplyFrame => frame.thread !== undefined;

/** The id of the message that a frame changes. */
export const changedBy = (frame: ChangeFrame): string => (frame.type === "message" ? frame.thread : frame.id);

/** How many people the summary of a thread names. */
const PARTICIPANTS_MAX = 5;

/** The summary of a thread after another reply. */
function withReply(before: ThreadSummary | undefined, { user, seq }: ReplyFrame): ThreadSummary {
  const { replies = 0, participants = [] } = before ?? {};
  const isKnown = participants.some(one => one.id === user.id) || participants.length >= PARTICIPANTS_MAX;
  return { replies: replies + 1, last: seq, participants: isKnown ? participants : [...participants, user] };
}

/** A message after one of the replies to it was removed. */
export function withoutReply(message: ShownMessage): ShownMessage {
  const { replies: summary, ...rest } = message;
  if (!summary || summary.replies <= 1) return rest;
  return { ...message, replies: { ...summary, replies: summary.replies - 1 } };
}

/** How many of the last changes are kept, so that they aren't missing in a page of history that was requested before. */
export const RECENT_MAX = 1_000;

/** How many people a reaction names. */
const REACTORS_MAX = 20;

interface Reacting {
  readonly user: User;
  readonly emoji: string;
  readonly on: boolean;
  /** How many react with the emoji then; undefined: as many as follows from what is known. */
  readonly count?: number;
}

/** The reactions after somebody has reacted or taken it back; `me`: whether that is the reader. */
export function withReaction(
  reactions: readonly Reactions[],
  { user, emoji, on, count }: Reacting,
  me: boolean,
): Reactions[] {
  const known = reactions.find(one => one.emoji === emoji);
  const before = known?.users ?? [];
  const hasIt = before.some(one => one.id === user.id) || (me && known?.me === true);
  const others = before.filter(one => one.id !== user.id);
  const users = on ? [...others, user].slice(0, REACTORS_MAX) : others;
  const expected = (known?.count ?? 0) + (on === hasIt ? 0 : on ? 1 : -1);
  const next: Reactions = {
    ...{ emoji, count: count ?? Math.max(0, expected), users: hasIt && on ? before : users },
    me: me ? on : (known?.me ?? false),
  };
  if (next.count === 0) return reactions.filter(one => one !== known);
  return known ? reactions.map(one => (one === known ? next : one)) : [...reactions, next];
}

/** A message of a page, which may have been read without saying for whom: who is named has reacted. */
export function withOwnReactions(message: Message, me: User | undefined): Message {
  if (!message.reactions) return message;
  const isOwn = (one: Reactions) => one.me === true || one.users.some(user => user.id === me?.id);
  return { ...message, reactions: message.reactions.map(one => ({ ...one, me: isOwn(one) })) };
}

/** A message after a change of it; the same one if it has the change already. */
export function withChange(message: ShownMessage, frame: ChangeFrame, me: User | undefined): ShownMessage {
  if (message.removed || frame.seq <= (message.changedSeq ?? message.seq)) return message;
  const changedSeq = frame.seq;
  switch (frame.type) {
    case "removed":
      return withoutText(message, frame.byAuthor);
    case "edited": {
      const { text, editedAt, card } = frame.message;
      const edited = { ...message, text, editedAt: editedAt ?? frame.timestamp, changedSeq };
      return card ? { ...edited, card } : edited;
    }
    case "reaction": {
      const reactions = withReaction(message.reactions ?? [], frame, frame.user.id === me?.id);
      return { ...message, reactions, changedSeq };
    }
    case "pinned":
      return { ...message, pinned: frame.on, changedSeq };
    case "message":
      return { ...message, replies: withReply(message.replies, frame), changedSeq };
    default:
      return frame satisfies never;
  }
}

/** What a user asks for about a message. */
export type Change =
  | { readonly kind: "edit"; readonly text: string }
  | { readonly kind: "delete" }
  | { readonly kind: "react"; readonly emoji: string; readonly on: boolean }
  | { readonly kind: "pin"; readonly on: boolean };

/** A change that the log doesn't have yet, or whose event has not arrived yet; only `user` sends it. */
export interface OutgoingChange {
  readonly clientId: string;
  readonly room: string;
  /** The id of the message. */
  readonly id: string;
  readonly change: Change;
  readonly at: number;
  readonly user: User;
  readonly status: "queued" | "sending" | "failed" | "stored";
  /** Why it failed. */
  readonly code?: ErrorCode;
  /** The sequence of its event, once it is stored. */
  readonly seq?: number;
}

/** A change for the queue; without a status it is to be sent. */
export type QueuedChange = Omit<OutgoingChange, "status"> & Partial<Pick<OutgoingChange, "status">>;

/** A message with what the reader has asked for: done, in progress, or failed. */
export type ShownRow = ShownMessage & { readonly changes?: readonly OutgoingChange[] };

/** Whether the newer one of two changes makes the older one pointless, if that was not sent yet. */
export const replaces = (newer: Change, older: Change): boolean =>
  newer.kind === older.kind &&
  (newer.kind !== "react" || older.kind !== "react" || newer.emoji === older.emoji);

/** A message as it will be once the log has a change of `user`. */
export function withExpected(message: ShownMessage, change: Change, user: User): ShownMessage {
  if (message.removed) return message;
  switch (change.kind) {
    case "edit":
      return { ...message, text: change.text };
    case "delete":
      return withoutText(message, true);
    case "react":
      return { ...message, reactions: withReaction(message.reactions ?? [], { user, ...change }, true) };
    case "pin":
      return { ...message, pinned: change.on };
    default:
      return change satisfies never;
  }
}

/** The messages as they are shown: with the changes that are expected, and those that failed beside them. */
export function withPending(
  messages: readonly ShownMessage[],
  changes: readonly OutgoingChange[],
): readonly ShownRow[] {
  if (changes.length === 0) return messages;
  const byMessage = new Map<string, OutgoingChange[]>();
  for (const one of changes) byMessage.set(one.id, [...(byMessage.get(one.id) ?? []), one]);
  return messages.map(message => {
    const own = byMessage.get(message.id);
    if (!own) return message;
    const expected = own
      .filter(one => one.status !== "failed")
      .reduce<ShownMessage>((it, { change, user }) => withExpected(it, change, user), message);
    return { ...expected, changes: own };
  });
}
