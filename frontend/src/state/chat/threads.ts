import type {
  Message,
  RemovedFrame,
  ThreadsNotice,
  ThreadsUnread,
  ThreadUnread,
} from "../../contract/generated";
import type { ChatState } from "./model";

/** How many of the last replies of others are kept: a count that comes later may lack them. */
const REPLIES_MAX = 200;

type Reply = Pick<Message, "seq" | "thread">;

/** The threads that the user follows, or has stopped following, by the ids of their first messages. */
export interface FollowedThreads {
  readonly byId: ReadonlyMap<string, ThreadUnread>;
  /** The last replies of others. */
  readonly replies: readonly Reply[];
}

export const NO_THREADS: FollowedThreads = { byId: new Map(), replies: [] };

/** A count of the server with the replies that have arrived since. */
function withLater(one: ThreadUnread, replies: readonly Reply[]): ThreadUnread {
  const later = replies.filter(({ thread, seq }) => thread === one.id && seq > one.asOf);
  const asOf = Math.max(one.asOf, ...later.map(({ seq }) => seq));
  return { ...one, unread: one.unread + later.length, asOf };
}

/** Whether what is known of a thread is as new as what the server says. */
function isKnown(known: ThreadUnread | undefined, { following, read, asOf }: ThreadUnread): boolean {
  if (!known || read > known.read) return false;
  return read < known.read || (following === known.following && asOf <= known.asOf);
}

/** What the server says about threads that have changed. */
export function onThreadsNotice(state: ChatState, { threads }: Pick<ThreadsNotice, "threads">): ChatState {
  const { byId, replies } = state.threads;
  const next = new Map(byId);
  for (const one of threads) if (!isKnown(next.get(one.id), one)) next.set(one.id, withLater(one, replies));
  return { ...state, threads: { byId: next, replies } };
}

/** All threads that the user follows, as the server has counted them. What has changed since stays. */
export function withThreadCounts(state: ChatState, { threads, asOf }: ThreadsUnread): ChatState {
  const { byId, replies } = state.threads;
  const newer = [...byId].filter(([, one]) => one.asOf > asOf);
  const emptied = { ...state, threads: { byId: new Map(newer), replies } };
  return onThreadsNotice(emptied, { threads });
}

/** Count a reply that has arrived. */
export function countReply(state: ChatState, { thread, seq, user }: Message): ChatState {
  const { byId, replies } = state.threads;
  if (thread === undefined || user.id === state.me?.id || replies.some(one => one.seq === seq)) return state;
  const known = byId.get(thread);
  const next = known && withLater(known, [{ thread, seq }]);
  return {
    ...state,
    threads: {
      byId: next ? new Map(byId).set(thread, next) : byId,
      replies: [...replies, { thread, seq }].slice(-REPLIES_MAX),
    },
  };
}

/** A reply that was removed is added to no later count. */
export const withoutRemovedReply = (
  { byId, replies }: FollowedThreads,
  { messageSeq }: Pick<RemovedFrame, "messageSeq">,
): FollowedThreads => ({ byId, replies: replies.filter(({ seq }) => seq !== messageSeq) });

/** The threads of a room that the user has left are no longer theirs. */
export const withoutRoom = ({ byId, replies }: FollowedThreads, room: string): FollowedThreads => ({
  byId: new Map([...byId].filter(([, one]) => one.room !== room)),
  replies,
});

/** Whether the message at `seq` may be an unread reply in a thread that the user follows. */
export const mayBeUnreadReply = ({ threads }: ChatState, room: string, seq: number): boolean =>
  [...threads.byId.values()].some(one => one.room === room && one.unread > 0 && seq > one.read);

/** Whether the user follows the thread of a message. */
export const isFollowed = ({ threads }: ChatState, id: string | undefined): boolean =>
  id !== undefined && threads.byId.get(id)?.following === true;

/** How many replies the user has not read, in all threads that they follow. */
export const unreadReplies = ({ threads }: ChatState): number =>
  [...threads.byId.values()].reduce((sum, one) => sum + (one.following ? one.unread : 0), 0);
