import { describe, expect, it } from "vitest";
import type { Message, ServerFrame, User, WelcomeFrame } from "../../contract/generated";
import { conversationOf } from "./messages";
import { type ChatEvent, type ChatState, EMPTY_CHAT, ROOM } from "./model";
import { reduceChat } from "./reducer";

const ann: User = { id: "u1", name: "Ann" };
const bob: User = { id: "u2", name: "Bob" };
const message = (seq: number, user = bob, clientId?: string): Message => ({
  seq,
  id: `m${seq}`,
  room: "general",
  user,
  text: `text ${seq}`,
  timestamp: "2026-11-23T20:00:00.000Z",
  ...(clientId ? { clientId } : {}),
});
const frame = (it: ServerFrame, at = 0): ChatEvent => ({ kind: "frame", frame: it, at });
const received = (seq: number, user = bob, clientId?: string) =>
  frame({ type: "message", ...message(seq, user, clientId) });
const apply = (events: readonly ChatEvent[], from: ChatState = EMPTY_CHAT) => events.reduce(reduceChat, from);
const welcomeFrame: WelcomeFrame = { type: "welcome", user: ann, users: [bob, ann], seq: 10 };
const welcome = frame(welcomeFrame);
const seqs = (state: ChatState) => conversationOf(state, ROOM).messages.map(one => one.seq);

describe("messages", () => {
  it("are sorted by sequence number, without duplicates", () => {
    const state = apply([welcome, received(12), received(11), received(12), received(13)]);
    expect(seqs(state)).toEqual([11, 12, 13]);
    expect(state.resumeFrom).toBe(13);
  });

  it("are merged with a page of history, without duplicates", () => {
    const page: ChatEvent = {
      kind: "page",
      room: "general",
      page: { messages: [message(9), message(10), message(11)] },
    };
    const state = apply([welcome, received(11), page]);
    expect(seqs(state)).toEqual([9, 10, 11]);
  });

  it("begin where the server says, however short or long a page is", () => {
    const short: ChatEvent = { kind: "page", room: "general", page: { messages: [message(9)], next: 5 } };
    const state = apply([welcome, short]);
    expect(conversationOf(state, ROOM)).toMatchObject({ hasOlder: true, olderBefore: 5 });
    const last: ChatEvent = {
      kind: "page",
      room: "general",
      page: { messages: [message(1), message(2), message(3)] },
    };
    expect(conversationOf(apply([last], state), ROOM)).toMatchObject({
      hasOlder: false,
      olderBefore: undefined,
    });
  });

  it("are dropped after a reset", () => {
    const state = apply([welcome, received(11), frame({ type: "reset", seq: 40 })]);
    expect(conversationOf(state, ROOM)).toMatchObject({ messages: [], loaded: false });
    expect(state.resumeFrom).toBe(40);
  });
});

describe("resuming", () => {
  it("starts from the first welcome; a later welcome doesn't skip missed messages", () => {
    const again = frame({ type: "welcome", user: ann, users: [ann], seq: 30 });
    expect(apply([welcome]).resumeFrom).toBe(10);
    expect(apply([welcome, received(12), again]).resumeFrom).toBe(12);
  });

  it("keeps the timestamp of the last event and the epoch, for the server to compare", () => {
    const [epoch, first, later] = ["e1", "2026-11-23T19:00:00.000Z", "2026-11-23T20:00:00.000Z"];
    const before = apply([frame({ ...welcomeFrame, epoch, timestamp: first })]);
    expect(before).toMatchObject({ resumeFrom: 10, resumeTimestamp: first, epoch });
    const after = apply([received(12), received(11)], before);
    expect(after).toMatchObject({ resumeFrom: 12, resumeTimestamp: later, epoch });
    const again = apply([frame({ ...welcomeFrame, seq: 30, epoch: "e2", timestamp: first })], after);
    expect(again).toMatchObject({ resumeFrom: 12, resumeTimestamp: later, epoch });
    const reset = apply([frame({ type: "reset", seq: 3, epoch: "e2", timestamp: first })], again);
    expect(reset).toMatchObject({ resumeFrom: 3, resumeTimestamp: first, epoch: "e2" });
  });

  it("is not changed by an ack, because earlier messages may be missing", () => {
    const queued: ChatEvent = {
      kind: "queued",
      item: { clientId: "c1", room: "general", text: "hi", at: 1, user: ann },
    };
    const ack = frame({ type: "ack", clientId: "c1", seq: 15, id: "m15", timestamp: "t", duplicate: false });
    const state = apply([welcome, queued, ack]);
    expect(state.resumeFrom).toBe(10);
    expect(seqs(apply([received(14)], state))).toEqual([14, 15]);
  });
});

describe("sending", () => {
  const queued: ChatEvent = {
    kind: "queued",
    item: { clientId: "c1", room: "general", text: "hi", at: 1, user: ann },
  };
  const sending: ChatEvent = { kind: "sending", clientId: "c1" };

  it("results in one message, whether the ack or the message comes first", () => {
    const ack = frame({ type: "ack", clientId: "c1", seq: 11, id: "m11", timestamp: "t", duplicate: false });
    for (const order of [
      [ack, received(11, ann, "c1")],
      [received(11, ann, "c1"), ack],
    ]) {
      const state = apply([welcome, queued, sending, ...order]);
      expect(state.outbox).toEqual([]);
      expect(seqs(state)).toEqual([11]);
    }
  });

  it("is queued again when the connection is lost", () => {
    const lost: ChatEvent = {
      kind: "connection",
      connection: { phase: "waiting", everLive: true, failures: 1 },
    };
    expect(apply([welcome, queued, sending, lost]).outbox[0]?.status).toBe("queued");
  });

  it("fails on an error, waits if the server is busy, and can be retried or discarded", () => {
    const refused = frame({ type: "error", code: "payload_too_large", message: "", clientId: "c1" });
    const busy = frame({ type: "error", code: "overloaded", message: "", clientId: "c1" });
    const failed = apply([welcome, queued, sending, refused]);
    expect(failed.outbox[0]).toMatchObject({ status: "failed", code: "payload_too_large" });
    expect(apply([welcome, queued, sending, busy]).outbox[0]?.status).toBe("queued");
    expect(apply([{ kind: "requeued", clientId: "c1" }], failed).outbox[0]?.status).toBe("queued");
    expect(apply([{ kind: "discarded", clientId: "c1" }], failed).outbox).toEqual([]);
  });

  it("is queued once, even if another window publishes it again", () => {
    expect(apply([welcome, queued, queued]).outbox).toHaveLength(1);
    expect(apply([welcome, queued, received(11, ann, "c1"), queued]).outbox).toHaveLength(0);
  });
});

describe("users", () => {
  it("join and leave, without duplicates", () => {
    const carl = { id: "u3", name: "Carl" };
    const joined = frame({ type: "joined", user: carl });
    const state = apply([welcome, joined, joined]);
    expect(state.users.map(user => user.name)).toEqual(["Bob", "Ann", "Carl"]);
    expect(apply([frame({ type: "left", user: carl })], state).users).toHaveLength(2);
  });

  it("come in pages, and are counted", () => {
    const [carl, dora] = [
      { id: "u3", name: "Carl" },
      { id: "u4", name: "Dora" },
    ];
    const first = frame({
      type: "welcome",
      user: ann,
      users: [ann],
      userCount: 3,
      nextUsers: "1.u1",
      seq: 10,
    });
    const joined = apply([first, frame({ type: "joined", user: dora })]);
    expect(joined).toMatchObject({ userCount: 4, nextUsers: "1.u1" });
    const all = apply([frame({ type: "users", users: [bob, carl, dora] })], joined);
    expect(all.users.map(user => user.name)).toEqual(["Ann", "Dora", "Bob", "Carl"]);
    expect(all.nextUsers).toBeUndefined();
    expect(apply([frame({ type: "left", user: carl })], all)).toMatchObject({ userCount: 3 });
  });

  it("stop typing when they send a message, leave, or after a timeout", () => {
    const typing = frame({ type: "typing", room: "general", user: bob }, 1000);
    const state = apply([welcome, typing]);
    expect(state.typing).toHaveLength(1);
    expect(apply([received(11)], state).typing).toHaveLength(0);
    expect(apply([frame({ type: "left", user: bob })], state).typing).toHaveLength(0);
    const expired: ChatEvent = { kind: "typingExpired", notices: state.typing };
    expect(apply([expired], state).typing).toHaveLength(0);
    // A later notice of the same user goes on.
    const again = frame({ type: "typing", room: "general", user: bob }, 2000);
    expect(apply([again, expired], state).typing).toHaveLength(1);
    expect(apply([frame({ type: "typing", room: "general", user: ann })], state).typing).toHaveLength(1);
  });

  it("have unsent messages that nobody else gets", () => {
    const queued: ChatEvent = {
      kind: "queued",
      item: { clientId: "c1", room: "general", text: "hi", at: 1, user: ann },
    };
    const before = apply([welcome, received(11), queued]);
    const state = apply([{ kind: "signedOut", reason: "name_lost" }], before);
    expect(state).toMatchObject({ signedOut: "name_lost", outbox: [] });
    expect(conversationOf(state, ROOM).messages).toEqual([]);
    const signIn = (user: User): ChatEvent => ({ kind: "signedIn", user, token: "t" });
    const again = { ...ann, id: "u9" };
    expect(apply([signIn(again), queued], state).outbox).toHaveLength(1);
    expect(apply([signIn(again)], before).outbox).toHaveLength(1);
    expect(apply([signIn(bob), queued], state).outbox).toEqual([]);
    expect(apply([signIn(bob)], before).outbox).toEqual([]);
  });
});

it("ignores an unknown frame", () => {
  const unknown = { type: "from_a_later_release" } as unknown as ServerFrame;
  const state = apply([welcome]);
  expect(reduceChat(state, frame(unknown))).toBe(state);
});
