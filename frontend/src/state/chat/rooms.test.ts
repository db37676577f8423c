import { describe, expect, it } from "vitest";
import type { Message, Room, RoomRole, ServerFrame, User, WelcomeFrame } from "../../contract/generated";
import { conversationOf } from "./messages";
import {
  BACKGROUND_MESSAGES_MAX,
  type ChatEvent,
  type ChatState,
  CONVERSATIONS_MAX,
  EMPTY_CHAT,
  ROOM,
} from "./model";
import { reduceChat } from "./reducer";
import { readUpTo } from "./rooms";

const ann: User = { id: "u1", name: "Ann" };
const bob: User = { id: "u2", name: "Bob" };
const OPS = "r-ops";
const roomOf = (id: string): Room => ({ id, kind: "private", name: id, archived: false });
const frame = (it: ServerFrame): ChatEvent => ({ kind: "frame", frame: it, at: 0 });
const message = (seq: number, room = OPS, user = bob): Message => ({
  ...{ seq, id: `m${seq}`, room, user, text: `text ${seq}`, timestamp: "2026-11-23T20:00:00.000Z" },
});
const received = (seq: number, room = OPS, user = bob, more: Partial<Message> = {}) =>
  frame({ type: "message", ...message(seq, room, user), ...more });
const welcomeFrame: WelcomeFrame = {
  ...{ type: "welcome", user: ann, users: [bob, ann], seq: 10 },
  rooms: [{ room: roomOf(OPS), role: "owner", members: 2 }],
};
const welcome = (more: Partial<WelcomeFrame> = {}) => frame({ ...welcomeFrame, ...more });
const opened = (room: string): ChatEvent => ({ kind: "opened", room });
const page = (room: string, ...seqs: number[]): ChatEvent => ({
  ...{ kind: "page", room, page: { messages: seqs.map(seq => message(seq, room)) } },
});
const read = (room: string, seq: number): ChatEvent => ({ kind: "read", room, seq });
const changed = (room: Room, role?: RoomRole): ChatEvent =>
  frame({ type: "room", room, ...(role ? { role } : {}) });
const apply = (events: readonly ChatEvent[], from: ChatState = EMPTY_CHAT) => events.reduce(reduceChat, from);
const seqs = (state: ChatState, room = OPS) => conversationOf(state, room).messages.map(one => one.seq);
const unread = (state: ChatState, room = OPS) => state.rooms.get(room)?.unread;

describe("the messages of a room", () => {
  it("are kept from the moment at which it is opened, apart from those of others", () => {
    const state = apply([welcome(), received(11), opened(OPS), received(12), received(13, ROOM)]);
    expect(seqs(state)).toEqual([12]);
    expect(seqs(apply([page(OPS, 9, 11, 12)], state))).toEqual([9, 11, 12]);
    expect(seqs(state, ROOM)).toEqual([13]);
    expect(state.resumeFrom).toBe(13);
  });

  it("are in memory for the rooms that were opened last", () => {
    const rooms = Array.from({ length: CONVERSATIONS_MAX + 5 }, (_, n) => `r-${n}`);
    const views = rooms.map(id => ({ room: roomOf(id), role: "member" as const }));
    const state = apply([welcome({ rooms: views }), ...rooms.map(opened), opened("r-10")]);
    expect(state.conversations.size).toBe(CONVERSATIONS_MAX);
    expect([...state.conversations.keys()].at(-1)).toBe("r-10");
    expect(state.conversations.has("r-4")).toBe(false);
  });

  it("are bounded in rooms that are not shown", () => {
    const many = Array.from({ length: BACKGROUND_MESSAGES_MAX + 50 }, (_, n) => received(100 + n));
    const state = apply([welcome(), opened(OPS), page(OPS, 9), ...many, opened(ROOM)]);
    expect(seqs(state)).toHaveLength(BACKGROUND_MESSAGES_MAX);
    expect(conversationOf(state, OPS)).toMatchObject({ hasOlder: true, olderBefore: undefined });
    const more = apply([received(5_000)], state);
    expect(seqs(more).length).toBeLessThanOrEqual(BACKGROUND_MESSAGES_MAX);
    expect(seqs(more).at(-1)).toBe(5_000);
  });

  it("go when the user is no longer in it, live or since the last connection", () => {
    const state = apply([welcome(), opened(OPS), page(OPS, 9)]);
    for (const event of [changed(roomOf(OPS)), welcome({ rooms: [] })]) {
      const after = apply([event], state);
      expect([after.rooms.has(OPS), after.conversations.has(OPS)]).toEqual([false, false]);
    }
  });

  it("are loaded again after the user has left and joined", () => {
    const state = apply([welcome(), opened(OPS), page(OPS, 9), changed(roomOf(OPS))]);
    const again = apply([changed(roomOf(OPS), "member"), opened(OPS)], state);
    expect(conversationOf(again, OPS)).toMatchObject({ messages: [], loaded: false });
  });

  it("stay when the room is renamed or the connection comes back", () => {
    const renamed = { ...roomOf(OPS), name: "Renamed" };
    const state = apply([welcome(), opened(OPS), page(OPS, 9), changed(renamed, "owner"), welcome()]);
    expect(seqs(state)).toEqual([9]);
    expect(apply([changed(renamed, "owner")], state).rooms.get(OPS)?.room.name).toBe("Renamed");
  });

  it("go to the room that they were written in", () => {
    const item = { clientId: "c1", room: OPS, text: "hi", at: 1, user: ann };
    const ack = frame({ type: "ack", clientId: "c1", seq: 12, id: "m12", timestamp: "t", duplicate: false });
    const state = apply([welcome(), opened(OPS), { kind: "queued", item }, ack]);
    expect([seqs(state), seqs(state, ROOM)]).toEqual([[12], []]);
  });
});

describe("unread messages", () => {
  it("are counted once, until they are read or the user writes", () => {
    const state = apply([welcome(), received(11), received(12), received(12), received(11)]);
    expect(unread(state)).toBe(2);
    expect(state.arrived.map(one => one.seq)).toEqual([11, 12]);
    expect(unread(apply([read(OPS, 12)], state))).toBe(0);
    expect(unread(apply([received(13, OPS, ann)], state))).toBe(0);
    expect(unread(apply([received(13, ROOM, ann)], state))).toBe(2);
  });

  it("are those after the mark, which never goes back", () => {
    const state = apply([welcome(), opened(OPS), received(11), received(12), read(OPS, 11)]);
    expect(unread(state)).toBe(1);
    expect(readUpTo(apply([read(OPS, 5)], state), OPS)).toBe(11);
  });

  it("are those of a page after the mark of an earlier visit, in the same epoch only", () => {
    const marks = (epoch: string): ChatEvent => ({
      ...{ kind: "marks", reads: { epoch, rooms: new Map([[OPS, 8]]) } },
    });
    const loaded = [welcome({ epoch: "e1" }), opened(OPS), page(OPS, 7, 8, 9, 10)];
    expect(unread(apply([marks("e1"), ...loaded]))).toBe(2);
    expect(unread(apply([marks("e0"), ...loaded]))).toBe(0);
  });

  it("do not include replies that only their thread shows", () => {
    const reply = (seq: number, broadcast: boolean) => received(seq, OPS, bob, { thread: "m1", broadcast });
    expect(unread(apply([welcome(), reply(11, false), reply(12, true)]))).toBe(1);
  });

  it("are counted by the server, if it does, and what arrives later is added", () => {
    const counted = { room: OPS, read: 4, unread: 3, mentions: 1, last: 9 };
    const state = apply([welcome({ unread: { asOf: 10, rooms: [counted] } }), received(9), received(11)]);
    expect(state.rooms.get(OPS)).toMatchObject({ unread: 4, mentions: 1 });
    expect(readUpTo(state, OPS)).toBe(4);
    const elsewhere = frame({ type: "read", room: OPS, seq: 11, unread: 0, mentions: 0 });
    expect(apply([elsewhere], state).rooms.get(OPS)).toMatchObject({ unread: 0, mentions: 0 });
    // What a notice has counted is not counted again when it arrives.
    const early = frame({ type: "read", room: OPS, seq: 4, unread: 5, mentions: 1, asOf: 12 });
    expect(unread(apply([early, received(12), received(13)], state))).toBe(6);
    // A message that arrived before the notice is still to be read.
    const late = apply([received(12), elsewhere], state);
    expect(unread(late)).toBe(1);
  });

  it("are counted as mentions when they arrive, by name or with everybody, until they are read", () => {
    const mention = (seq: number, users: string[], everybody = false) =>
      received(seq, OPS, bob, { mentions: { users, ...(everybody ? { everybody } : {}) } });
    const counted = { room: OPS, read: 4, unread: 3, mentions: 1, last: 9 };
    const events = [mention(11, ["u1"]), mention(12, ["u9"]), mention(13, [], true)];
    const state = apply([welcome({ unread: { asOf: 10, rooms: [counted] } }), ...events, ...events]);
    expect(state.rooms.get(OPS)).toMatchObject({ unread: 6, mentions: 3 });
    expect(apply([read(OPS, 11)], state).rooms.get(OPS)).toMatchObject({ unread: 2, mentions: 1 });
    expect(apply([read(OPS, 13)], state).rooms.get(OPS)).toMatchObject({ unread: 0, mentions: 0 });
    // What arrived before the server's count is not in it.
    const notice = frame({ type: "read", room: OPS, seq: 4, unread: 4, mentions: 2, asOf: 11 });
    expect(apply([notice], state).rooms.get(OPS)).toMatchObject({ unread: 6, mentions: 3 });
  });

  it("are none where the server knows no position, and what was read while away stays read", () => {
    const none = { room: OPS, unread: 0, mentions: 0, last: 9 };
    expect(readUpTo(apply([welcome({ unread: { asOf: 10, rooms: [none] } })]), OPS)).toBe(10);
    const behind = { ...none, read: 4, unread: 3, last: 9 };
    const state = apply([welcome(), read(OPS, 9), welcome({ unread: { asOf: 10, rooms: [behind] } })]);
    expect([unread(state), readUpTo(state, OPS)]).toEqual([0, 9]);
  });
});

it("a room that everybody is in is known by its first message, or by a list", () => {
  const view = { room: { id: "ops", kind: "open", name: "ops", archived: false } } as const;
  const state = apply([welcome(), received(11, "ops")]);
  expect(state.rooms.get("ops")).toMatchObject({ unread: 1, room: { kind: "open" } });
  const listed = apply([welcome(), { kind: "roomViews", rooms: [view, { room: roomOf("r-other") }] }]);
  expect([...listed.rooms.keys()]).toEqual([ROOM, OPS, "ops"]);
  const counted = apply([{ kind: "roomViews", rooms: [{ room: roomOf(OPS), members: 7 }] }], listed);
  expect(counted.rooms.get(OPS)?.members).toBe(7);
});
