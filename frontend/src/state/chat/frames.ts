import { RETRYABLE, type ServerFrame } from "../../contract/generated";
import { unescaped } from "../../text/escaped";
import {
  type ChangeFrame,
  changedBy,
  isReply,
  type OutgoingChange,
  RECENT_MAX,
  withChange,
  withoutReply,
  withoutText,
} from "./message-changes";
import { changeMessage, conversationOf, insertMessage } from "./messages";
import { type ChatState, REMOVED_MAX } from "./model";
import { countArrival, onReadNotice, onRoomFrame, withoutMessages, withRooms, withUnread } from "./rooms";
import { countReply, onThreadsNotice, withoutRemovedReply } from "./threads";

/** The position after an event, unless it is a duplicate. The events of changes up to there have arrived. */
function advance(state: ChatState, { seq, timestamp }: { seq: number; timestamp: string }) {
  if (seq <= (state.resumeFrom ?? 0)) return {};
  const isWaiting = (stored: number | undefined) => stored === undefined || stored > seq;
  const changes = state.changes.filter(one => isWaiting(one.seq));
  return {
    ...{ resumeFrom: seq, resumeTimestamp: timestamp },
    ...(changes.length < state.changes.length ? { changes } : {}),
  };
}

/** A message has changed. It may not be loaded: a page that comes later may be from before the change. */
const onChange = (state: ChatState, frame: ChangeFrame): ChatState => ({
  ...changeMessage(state, frame.room, changedBy(frame), message => withChange(message, frame, state.me)),
  recent: [...state.recent, frame].slice(-RECENT_MAX),
  ...advance(state, frame),
});

type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

/** How each type of frame, received at `at` (ms), changes the state; the compiler reports a type that is missing. */
const FRAME_REDUCERS = {
  /**
   * The server accepted us; its list of users, or the first page of it, replaces ours.
   *
   * Only the first welcome sets `resumeFrom`: after a resume the missed messages are still to come, and a connection
   * that breaks among them must request the rest.
   */
  welcome: (state, frame) => {
    const next: ChatState = {
      // Servers of earlier releases have no rooms.
      ...withRooms(state, frame.rooms ?? []),
      me: frame.user,
      users: frame.users,
      userCount: frame.userCount,
      nextUsers: frame.nextUsers,
      typing: [],
      muted: frame.muted,
      ...(state.resumeFrom === undefined
        ? { resumeFrom: frame.seq, resumeTimestamp: frame.timestamp, epoch: frame.epoch }
        : { epoch: state.epoch ?? frame.epoch }),
    };
    // The numbers of another epoch mean nothing until the reset that follows.
    return frame.unread && next.epoch === frame.epoch ? withUnread(next, frame.unread) : next;
  },

  /** A page of users. Some may have joined in the meantime, and are known. */
  users: (state, { users, nextUsers }) => {
    const known = new Set(state.users.map(user => user.id));
    return { ...state, users: [...state.users, ...users.filter(user => !known.has(user.id))], nextUsers };
  },

  /** The connection is alive, and we have everything up to a position. */
  heartbeat: (state, { seq, timestamp }) =>
    seq && timestamp ? { ...state, ...advance(state, { seq, timestamp }) } : state,

  /** A message in a room of ours; it may be our own, and it may be a duplicate. */
  message: (state, frame) => {
    const { type: _type, ...message } = frame;
    const { clientId, user } = message;
    // Counted before the position advances: what is later than that is fresh.
    const counted = countArrival(countReply(insertMessage(state, message), message), message);
    return {
      ...(isReply(frame) ? onChange(counted, frame) : counted),
      ...advance(state, message),
      outbox: clientId ? state.outbox.filter(item => item.clientId !== clientId) : state.outbox,
      typing: state.typing.filter(one => one.user.id !== user.id),
    };
  },

  /** A message was removed: a placeholder stays. The message may not be loaded, and the event may be a duplicate. */
  removed: (state, frame) => {
    const { id, room } = frame;
    const before = conversationOf(state, room).messages.find(one => one.id === id);
    const thread = before?.removed ? undefined : before?.thread;
    const counted = thread === undefined ? state : changeMessage(state, room, thread, withoutReply);
    return {
      ...changeMessage(counted, room, id, message => withoutText(message, frame.byAuthor)),
      arrived: state.arrived.filter(one => one.id !== id),
      removed: [...state.removed.filter(one => one !== id), id].slice(-REMOVED_MAX),
      threads: withoutRemovedReply(state.threads, frame),
      ...advance(state, frame),
    };
  },

  edited: onChange,
  reaction: onChange,
  pinned: onChange,

  /** We were muted. */
  muted: (state, { type: _type, ...muted }) => ({ ...state, muted }),

  /** We were unmuted. */
  unmuted: state => ({ ...state, muted: undefined }),

  /** A user joined. If the user is already known, only the name is updated. */
  joined: (state, { user }) => {
    const known = state.users.some(one => one.id === user.id);
    const users = known ? state.users.map(one => (one.id === user.id ? user : one)) : [...state.users, user];
    const { userCount } = state;
    return { ...state, users, userCount: known || userCount === undefined ? userCount : userCount + 1 };
  },

  /** A user left, and so is no longer typing. */
  left: (state, { user }) => ({
    ...state,
    userCount: state.userCount === undefined ? undefined : Math.max(0, state.userCount - 1),
    users: state.users.filter(one => one.id !== user.id),
    typing: state.typing.filter(one => one.user.id !== user.id),
  }),

  /** A room that not everybody is in has changed, or we have joined or left it. */
  room: onRoomFrame,

  /** We have read a room up to a sequence, perhaps on another device. */
  read: onReadNotice,

  /** What has changed in the threads that we follow, perhaps on another device. */
  threads: onThreadsNotice,

  /** What we want to be notified of, perhaps changed on another device. */
  notifications: (state, { settings }) => ({ ...state, notify: settings }),

  /** A user is typing. Our own notices, from another window, are ignored. */
  typing: (state, { user, room }, at) => {
    if (user.id === state.me?.id) return state;
    const others = state.typing.filter(one => one.user.id !== user.id);
    return { ...state, typing: [...others, { user, room, at }] };
  },

  /**
   * A message of ours is stored: it moves from the outbox to the messages. A change is expected until its event is here.
   *
   * An ack doesn't change `resumeFrom`, because earlier messages of others may still be missing.
   */
  ack: (state, { clientId, seq, id, timestamp }) => {
    const isHere = seq <= (state.resumeFrom ?? 0);
    if (state.changes.some(one => one.clientId === clientId)) {
      const after = (one: OutgoingChange) =>
        one.clientId !== clientId ? one : isHere ? [] : { ...one, status: "stored" as const, seq };
      return { ...state, changes: state.changes.flatMap(after) };
    }
    const item = state.outbox.find(one => one.clientId === clientId);
    if (!item || !state.me) return state;
    const outbox = state.outbox.filter(one => one !== item);
    const { room, text, thread, broadcast } = item;
    const stored = {
      ...{ seq, id, room, user: state.me, text: unescaped(text), timestamp, clientId },
      ...(thread === undefined ? {} : { thread }),
      ...(broadcast === undefined ? {} : { broadcast }),
    };
    return insertMessage({ ...state, outbox }, stored);
  },

  /**
   * A ban, after which the server closes the socket, or an error for a send or a change: it is queued again if a retry
   * may help, and marked as failed if not.
   */
  error: (state, { clientId, code, until }) => {
    if (code === "banned") return { ...state, bannedUntil: until };
    if (!clientId) return state;
    const status = RETRYABLE.includes(code) ? ("queued" as const) : ("failed" as const);
    const after = <T extends { readonly clientId: string }>(item: T) =>
      item.clientId === clientId ? { ...item, status, code } : item;
    return { ...state, outbox: state.outbox.map(after), changes: state.changes.map(after) };
  },

  /** The server can't replay the missed events: drop all messages, and continue from `seq`. */
  reset: (state, { seq, epoch, timestamp }) => ({
    ...withoutMessages(state),
    ...{ resumeFrom: seq, resumeTimestamp: timestamp, epoch },
  }),
} satisfies { [T in ServerFrame["type"]]: (state: ChatState, frame: FrameOf<T>, at: number) => ChatState };

/** Apply a frame of the server, received at `at` (ms). Frames of newer servers that this page doesn't know are ignored. */
export function onFrame(state: ChatState, frame: ServerFrame, at: number): ChatState {
  if (!Object.hasOwn(FRAME_REDUCERS, frame.type)) return state;
  // The table's type guarantees that the reducer takes this frame, which the compiler can't infer for a union.
  const reduce = FRAME_REDUCERS[frame.type] as (
    state: ChatState,
    frame: ServerFrame,
    at: number,
  ) => ChatState;
  return reduce(state, frame, at);
}
