import { describe, expect, it } from "vitest";
import type { Message, ServerFrame, User } from "../../contract/generated";
import { conversationOf } from "./messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT, REMOVED_MAX, ROOM } from "./model";
import { reduceChat } from "./reducer";

const ann: User = { id: "u1", name: "Ann" };
const message = (seq: number, clientId?: string): Message => ({
  seq,
  id: `m${seq}`,
  room: "general",
  user: ann,
  text: `text ${seq}`,
  timestamp: "2026-11-23T20:00:00.000Z",
  ...(clientId ? { clientId } : {}),
});
const frame = (it: ServerFrame): ChatEvent => ({ kind: "frame", frame: it, at: 0 });
const received = (seq: number) => frame({ type: "message", ...message(seq) });
const removed = (messageSeq: number, seq: number) =>
  frame({ type: "removed", seq, room: "general", id: `m${messageSeq}`, messageSeq, timestamp: "t" });
const page = (...seqs: number[]): ChatEvent => ({
  kind: "page",
  room: "general",
  page: { messages: seqs.map(seq => message(seq)) },
});
const apply = (events: readonly ChatEvent[], from: ChatState = EMPTY_CHAT) => events.reduce(reduceChat, from);
const welcome = frame({ type: "welcome", user: ann, users: [ann], seq: 10 });
const texts = (state: ChatState) => conversationOf(state, ROOM).messages.map(one => one.text);

describe("a removed message", () => {
  it("leaves a placeholder without text, and advances `resumeFrom`", () => {
    const state = apply([welcome, received(11), received(12), removed(11, 13)]);
    expect(texts(state)).toEqual(["", "text 12"]);
    expect(conversationOf(state, ROOM).messages[0]).toMatchObject({ id: "m11", removed: "moderator" });
    expect(state.resumeFrom).toBe(13);
    expect(texts(apply([removed(11, 13)], state))).toEqual(texts(state));
  });

  it("is not restored by a page of history, a duplicate or a late ack", () => {
    expect(texts(apply([welcome, removed(9, 11), page(8, 9, 10)]))).toEqual(["text 8", "", "text 10"]);
    expect(texts(apply([welcome, removed(11, 12), received(11)]))).toEqual([""]);
    const queued: ChatEvent = {
      kind: "queued",
      item: { clientId: "c1", room: "general", text: "hi", at: 1, user: ann },
    };
    const ack = frame({ type: "ack", clientId: "c1", seq: 11, id: "m11", timestamp: "t", duplicate: false });
    expect(texts(apply([welcome, queued, removed(11, 12), ack]))).toEqual([""]);
  });

  it("is remembered up to a limit", () => {
    const many = Array.from({ length: REMOVED_MAX + 5 }, (_, n) => removed(n, n + 10_000));
    const { removed: kept } = apply([welcome, ...many]);
    expect(kept).toHaveLength(REMOVED_MAX);
    expect(kept.at(-1)).toBe(`m${REMOVED_MAX + 4}`);
  });
});

describe("a muted user", () => {
  const muted = frame({ type: "muted", until: "2026-11-23T21:00:00.000Z", reason: "spam" });

  it("sees the mute and its end", () => {
    const state = apply([welcome, muted]);
    expect(state.muted).toEqual({ until: "2026-11-23T21:00:00.000Z", reason: "spam" });
    expect(apply([frame({ type: "unmuted" })], state).muted).toBeUndefined();
  });

  it("gets the current mute with the next welcome", () => {
    expect(apply([welcome, muted, welcome]).muted).toBeUndefined();
    const held = frame({ type: "welcome", user: ann, users: [ann], seq: 10, muted: { reason: "spam" } });
    expect(apply([held]).muted).toEqual({ reason: "spam" });
  });
});

it("a banned user sees the end of the ban, and no longer the unsent messages", () => {
  const queued: ChatEvent = {
    kind: "queued",
    item: { clientId: "c1", room: "general", text: "hi", at: 1, user: ann },
  };
  const banned = frame({ type: "error", code: "banned", message: "", until: "2026-11-23T21:00:00.000Z" });
  const state = apply([welcome, queued, banned, { kind: "signedOut", reason: "banned" }]);
  expect(state).toMatchObject({ signedOut: "banned", bannedUntil: "2026-11-23T21:00:00.000Z" });
  expect(texts(state)).toEqual([]);
  expect(state.outbox).toEqual([]);
});
