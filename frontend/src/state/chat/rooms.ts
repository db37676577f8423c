import type { Message, ReadNotice, RoomFrame, RoomView, Unread } from "../../contract/generated";
import {
  ARRIVED_MAX,
  type ChatState,
  EMPTY_CONVERSATION,
  READS_MAX,
  type ReadMarks,
  type RoomState,
} from "./model";
import { isFollowed, NO_THREADS, withoutRoom } from "./threads";

/** Whether somebody created the room; everybody is in the others. */
export const isCreatedRoom = (id: string): boolean => /^[rd]-/.test(id);

/** Up to which sequence number the user has read a room; undefined: nobody knows. */
export const readUpTo = ({ reads, epoch }: ChatState, room: string): number | undefined =>
  reads.epoch === epoch ? reads.rooms.get(room) : undefined;

/** The state with the user having read `room` up to `seq`; a mark never goes back. */
function withMark(state: ChatState, room: string, seq: number): ChatState {
  const { reads, epoch } = state;
  const before = reads.epoch === epoch ? reads.rooms : new Map<string, number>();
  if ((before.get(room) ?? -1) >= seq) return state;
  // The room that was read last comes last.
  const rooms = [...before].filter(([one]) => one !== room).slice(1 - READS_MAX);
  return { ...state, reads: { epoch, rooms: new Map([...rooms, [room, seq]]) } satisfies ReadMarks };
}

const withRoom = (state: ChatState, room: RoomState): ChatState => ({
  ...state,
  rooms: new Map(state.rooms).set(room.room.id, room),
});

/** Whether a room shows a message: replies in threads are shown there only. */
export const isInRoom = ({ thread, broadcast }: Message): boolean =>
  thread === undefined || broadcast === true;

/** Whether a message mentions the user, by name or with everybody. */
const mentionsMe = ({ mentions }: Message, me: ChatState["me"]): boolean =>
  mentions !== undefined &&
  (mentions.everybody === true || (me !== undefined && mentions.users.includes(me.id)));

/** How many messages of others after `seq` this page has of a room, loaded or just arrived, and mentions in them. */
function laterThan({ conversations, arrived, me }: ChatState, room: string, seq: number) {
  const later = (conversations.get(room)?.messages ?? arrived).filter(
    one => one.room === room && one.seq > seq && one.user.id !== me?.id && isInRoom(one),
  );
  return { unread: later.length, mentions: later.filter(one => mentionsMe(one, me)).length };
}

/** The user has read a room up to `seq`. */
export function markRead(state: ChatState, room: string, seq: number): ChatState {
  const next = withMark(state, room, seq);
  const known = next.rooms.get(room);
  if (!known || (known.unread === 0 && known.mentions === 0)) return next;
  const later = seq >= (known.last ?? 0) ? { unread: 0, mentions: 0 } : laterThan(next, room, seq);
  return withRoom(next, {
    ...known,
    unread: Math.min(known.unread, later.unread),
    mentions: Math.min(known.mentions, later.mentions),
  });
}

/** What the server has counted in a room: everything up to `asOf` is in it. */
interface Counted {
  readonly room: string;
  /** The position of the user, on any of their devices. */
  readonly read: number;
  readonly unread: number;
  readonly mentions: number;
  readonly asOf: number;
}

/** Take over what the server has counted, unless this page has read further. What has arrived since is added. */
function withCount(state: ChatState, counted: Counted): ChatState {
  const { room, read, unread, mentions, asOf } = counted;
  const mark = readUpTo(state, room);
  const known = state.rooms.get(room);
  if (!known) return withMark(state, room, read);
  const last = Math.max(known.last ?? 0, asOf);
  const seen = withRoom(state, { ...known, last });
  // Another device has not read as far as this one, which reports it.
  if (mark !== undefined && mark > read) return markRead(seen, room, mark);
  const later = laterThan(state, room, asOf);
  const all = { unread: unread + later.unread, mentions: mentions + later.mentions };
  return withMark(withRoom(seen, { ...known, last, ...all }), room, read);
}

/**
 * What the server has counted for a welcome. Without a position nothing is unread, and the user's position is the
 * present one, unless this browser knows an earlier one.
 */
export const withUnread = (state: ChatState, { asOf, rooms }: Unread): ChatState =>
  rooms.reduce(
    (next, one) =>
      one.read === undefined
        ? withMark(next, one.room, readUpTo(next, one.room) ?? asOf)
        : withCount(next, { ...one, read: one.read, asOf }),
    state,
  );

/** A position of the user has risen on some device, or they have joined a room. */
export const onReadNotice = (
  state: ChatState,
  { room, seq, unread, mentions, asOf }: ReadNotice,
): ChatState => withCount(state, { room, read: seq, unread, mentions, asOf: asOf ?? seq });

/** Whether a message concerns the user: one that its room shows, or a reply in a thread for them. */
const concerns = (state: ChatState, message: Message): boolean =>
  isInRoom(message) || mentionsMe(message, state.me) || isFollowed(state, message.thread);

/** Count a message that has arrived. Who writes has read what is there. */
export function countArrival(state: ChatState, message: Message): ChatState {
  const { room, seq, user } = message;
  if (user.id === state.me?.id) return isInRoom(message) ? markRead(state, room, seq) : state;
  if (!concerns(state, message)) return state;
  const known = state.rooms.get(room) ?? openRoom(room);
  // What the server has counted may still have to be announced.
  const isFresh = seq > (state.resumeFrom ?? 0) && seq > (state.arrived.at(-1)?.seq ?? 0);
  const arrived = isFresh ? [...state.arrived, message].slice(-ARRIVED_MAX) : state.arrived;
  if (!isInRoom(message)) return { ...state, arrived };
  if (seq <= (known.last ?? 0)) return { ...state, arrived };
  const read = readUpTo(state, room);
  const isRead = read !== undefined && seq <= read;
  const next = withRoom(state, {
    ...{ ...known, last: seq },
    unread: known.unread + (isRead ? 0 : 1),
    mentions: known.mentions + (!isRead && mentionsMe(message, state.me) ? 1 : 0),
  });
  return { ...(read === undefined ? withMark(next, room, seq - 1) : next), arrived };
}

/** The state after a page of history is loaded: what is later than the mark of an earlier visit is unread. */
export function countPage(state: ChatState, room: string): ChatState {
  const known = state.rooms.get(room);
  const read = readUpTo(state, room);
  const last = state.conversations.get(room)?.messages.findLast(one => one.user.id !== state.me?.id)?.seq;
  if (!known || last === undefined) return state;
  const later = read === undefined ? { unread: 0, mentions: 0 } : laterThan(state, room, read);
  return withRoom(state, {
    ...known,
    unread: Math.max(known.unread, later.unread),
    mentions: Math.max(known.mentions, later.mentions),
    last: Math.max(last, known.last ?? 0),
  });
}

/** Only rooms that everybody is in send messages without having been announced. */
const openRoom = (id: string): RoomState => ({
  room: { id, kind: "open", name: id, archived: false },
  unread: 0,
  mentions: 0,
});

const merged = (before: RoomState | undefined, view: RoomView): RoomState => ({
  unread: 0,
  mentions: 0,
  ...before,
  ...view,
});

/** The rooms of a welcome, which replace those that not everybody is in. */
export function withRooms(state: ChatState, views: readonly RoomView[]): ChatState {
  const open = [...state.rooms].filter(([, { room }]) => room.kind === "open");
  const own = views.map(view => [view.room.id, merged(state.rooms.get(view.room.id), view)] as const);
  const rooms = new Map([...open, ...own]);
  // Of a room that the user has joined meanwhile, messages are missing.
  const kept = [...state.conversations].filter(([room]) => rooms.has(room) && state.rooms.has(room));
  return { ...state, rooms, conversations: new Map(kept) };
}

/** What a list says about rooms: it has those that everybody is in, and counts members. It may be late. */
export function withViews(state: ChatState, views: readonly RoomView[]): ChatState {
  const rooms = new Map(state.rooms);
  for (const view of views) {
    const { id, kind } = view.room;
    const before = rooms.get(id);
    if (before)
      rooms.set(id, { ...before, ...(view.members === undefined ? {} : { members: view.members }) });
    else if (kind === "open") rooms.set(id, merged(undefined, view));
  }
  return { ...state, rooms };
}

/** The user has joined a room or left it, or it was changed. */
export function onRoomFrame(state: ChatState, { type: _type, ...view }: RoomFrame): ChatState {
  const { id } = view.room;
  const before = state.rooms.get(id);
  if (view.role !== undefined && before) return withRoom(state, merged(before, view));
  // What is loaded is no longer the user's to read, or it has a gap.
  const conversations = new Map(state.conversations);
  conversations.delete(id);
  if (view.role !== undefined) return withRoom({ ...state, conversations }, merged(undefined, view));
  const rooms = new Map(state.rooms);
  rooms.delete(id);
  return { ...state, rooms, conversations, threads: withoutRoom(state.threads, id) };
}

/**
 * The state after a reset: the messages in memory are no longer those that the server has. What the server has counted
 * for the welcome before it stays.
 */
export const withoutMessages = (state: ChatState): ChatState => ({
  ...state,
  arrived: [],
  recent: [],
  threads: NO_THREADS,
  changes: state.changes.filter(one => one.status !== "stored"),
  conversations: new Map([...state.conversations.keys()].map(room => [room, EMPTY_CONVERSATION])),
  rooms: new Map([...state.rooms].map(([id, { last: _last, ...room }]) => [id, room])),
});
