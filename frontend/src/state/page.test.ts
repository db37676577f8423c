import { describe, expect, it } from "vitest";
import type { Message, SessionView } from "../contract/generated";
import { conversationOf, withConversation } from "./chat/messages";
import { ROOM } from "./chat/model";
import { type Action, EMPTY_PAGE, mergeSnapshot, type PageState, reducePage, snapshotOf } from "./page";

const OPERATOR: SessionView = {
  ...{ mode: "token", guests: true, role: "operator", name: "olga" },
  may: ["register", "chat", "see_servers", "command_servers"],
};
const apply = (actions: readonly Action[], from: PageState = EMPTY_PAGE) => actions.reduce(reducePage, from);
const list: Action = {
  store: "cloud",
  event: {
    ...{ kind: "list", backfill: 0 },
    list: {
      seq: 4,
      instances: [
        {
          ...{ id: "i1", name: "web-1", state: "stopped", timestamp: "t", labels: {} },
          ...{ provider: "simulated", protected: false, condition: "ok" },
        },
      ],
    },
  },
};
const signedOut: Action = { store: "chat", event: { kind: "signedOut", reason: "left" } };
const messages = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({
    ...{ seq: from + i, id: `m${from + i}`, room: "general", text: "" },
    ...{ user: { id: "u", name: "Bob" }, timestamp: "t" },
  }));
const page = (from: number, to: number): Action => ({
  store: "chat",
  event: { kind: "page", room: "general", page: { messages: messages(from, to), next: from } },
});

describe("the servers", () => {
  it("are cleared when the user may no longer see them, and stay otherwise", () => {
    const state = apply([{ store: "access", view: OPERATOR }, list]);
    expect(state.cloud.instances.size).toBe(1);
    const { may: _may, ...view } = OPERATOR;
    const demoted = apply([{ store: "access", view: { ...view, may: ["register", "chat"] } }], state);
    expect(demoted.cloud).toMatchObject({ loaded: false, seq: 0 });
  });

  it("are cleared when the user signs out, along with the permissions", () => {
    const state = apply([{ store: "access", view: OPERATOR }, list, signedOut]);
    expect(state.view).toEqual({ mode: "token", guests: true, may: ["register"] });
    expect(state.cloud.instances.size).toBe(0);
  });

  it("stay after signing out in open mode, and before the permissions are known", () => {
    const open: SessionView = { mode: "open", guests: true, may: ["see_servers"] };
    expect(apply([{ store: "access", view: open }, list, signedOut]).view).toBe(open);
    expect(apply([list, signedOut]).cloud.instances.size).toBe(1);
  });
});

describe("a snapshot", () => {
  it("has the last messages only, and keeps older ones that only this tab has loaded", () => {
    const leader = apply([page(1, 701)]);
    const conversation = { ...conversationOf(leader.chat, ROOM), hasOlder: false };
    const snapshot = snapshotOf({ ...leader, chat: withConversation(leader.chat, ROOM, conversation) });
    expect(conversationOf(snapshot.chat, ROOM).messages[0]?.seq).toBe(201);
    expect(conversationOf(snapshot.chat, ROOM)).toMatchObject({ hasOlder: true, messages: { length: 500 } });
    const follower = apply([page(101, 301)]);
    const merged = conversationOf(mergeSnapshot(snapshot, follower).chat, ROOM).messages;
    expect([merged[0]?.seq, merged.length]).toEqual([101, 600]);
  });

  it("replaces messages of another epoch", () => {
    const leader = apply([page(201, 701)]);
    const snapshot = snapshotOf({ ...leader, chat: { ...leader.chat, epoch: "e2" } });
    const follower = apply([page(101, 301)]);
    const merged = mergeSnapshot(snapshot, { ...follower, chat: { ...follower.chat, epoch: "e1" } });
    expect(conversationOf(merged.chat, ROOM).messages[0]?.seq).toBe(201);
  });
});
