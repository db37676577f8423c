import { describe, expect, it } from "vitest";
import type { Card, Reactions, User } from "../../contract/generated";
import {
  type Change,
  type ChangeFrame,
  replaces,
  type ShownMessage,
  withChange,
  withExpected,
  withOwnReactions,
  withReaction,
} from "./message-changes";

const ann: User = { id: "u1", name: "Ann" };
const bob: User = { id: "u2", name: "Bob" };
const message: ShownMessage = {
  ...{ seq: 5, id: "m5", room: "general", user: ann, text: "one", timestamp: "2026-11-23T20:00:00.000Z" },
};
const about = { room: "general", id: "m5", messageSeq: 5, timestamp: "2026-11-23T20:01:00.000Z" };
const edited = (seq: number, text: string): ChangeFrame => ({
  ...{ type: "edited", seq, room: "general", id: "m5", timestamp: about.timestamp },
  message: { ...message, text, editedAt: about.timestamp },
});
const reaction = (seq: number, user: User, on: boolean, count: number, emoji = "👍"): ChangeFrame => ({
  ...{ type: "reaction", seq, ...about, user, emoji, on, count },
});
const pinned = (seq: number, on: boolean): ChangeFrame => ({ type: "pinned", seq, ...about, user: bob, on });

describe("changes from the log", () => {
  it("apply once, in their order, and keep what they don't change", () => {
    const frames = [reaction(6, bob, true, 1), pinned(7, true), edited(8, "two")];
    const once = frames.reduce((it, frame) => withChange(it, frame, ann), message);
    expect(once).toMatchObject({
      seq: 5,
      text: "two",
      pinned: true,
      editedAt: about.timestamp,
      changedSeq: 8,
    });
    expect(once.reactions).toEqual([{ emoji: "👍", count: 1, users: [bob], me: false }]);
    expect([...frames, ...frames].reduce((it, frame) => withChange(it, frame, ann), message)).toEqual(once);
  });

  it("replace a card with its message", () => {
    const card = { kind: "alert", status: "firing", source: "s", title: "t", text: "", fields: [] } as const;
    const before: Card = { ...card, fields: [], actions: [], generation: 0, changedAt: about.timestamp };
    const after: Card = { ...before, status: "resolved" };
    const [frame] = [edited(8, "two")];
    if (frame?.type !== "edited") throw new Error("not edited");
    const withCard = { ...frame, message: { ...frame.message, card: after } };
    expect(withChange({ ...message, card: before }, withCard, ann).card).toEqual(after);
    // A gateway of an earlier release leaves it out.
    expect(withChange({ ...message, card: before }, frame, ann).card).toEqual(before);
  });

  it("don't apply to a page of history that has them already", () => {
    const page = { ...message, text: "later", changedSeq: 10 };
    expect(withChange(page, edited(9, "earlier"), ann)).toBe(page);
  });

  it("leave nothing of a removed message", () => {
    const removed = withChange(
      { ...message, reactions: [], pinned: true },
      { type: "removed", seq: 9, ...about, byAuthor: true },
      ann,
    );
    expect(removed).toEqual({ ...message, text: "", removed: "author" });
    expect(withChange(removed, edited(10, "two"), ann)).toBe(removed);
  });

  it("know the reader among those who are named, also in a page that was read for nobody", () => {
    const page = { ...message, reactions: [{ emoji: "👍", count: 2, users: [ann, bob] }] };
    expect(withOwnReactions(page, ann).reactions?.[0]?.me).toBe(true);
    expect(withOwnReactions(page, { id: "u3", name: "Cy" }).reactions?.[0]?.me).toBe(false);
  });

  it("count as the log does, however many people are named", () => {
    const many: Reactions = { emoji: "👍", count: 30, users: [ann], me: true };
    expect(withReaction([many], { user: bob, emoji: "👍", on: true, count: 31 }, false)[0]).toMatchObject({
      ...{ count: 31, me: true },
    });
    expect(withReaction([many], { user: bob, emoji: "👍", on: false, count: 0 }, false)).toEqual([]);
  });
});

describe("changes that are not stored yet", () => {
  const react = (on: boolean): Change => ({ kind: "react", emoji: "👍", on });

  it("show what will be, and the log's frame changes nothing more", () => {
    const expected = withExpected(message, react(true), ann);
    expect(expected.reactions).toEqual([{ emoji: "👍", count: 1, users: [ann], me: true }]);
    const stored = withChange(message, reaction(6, ann, true, 1), ann);
    expect(withExpected(stored, react(true), ann).reactions).toEqual(stored.reactions);
    expect(withExpected(stored, react(false), ann).reactions).toEqual([]);
    expect(withExpected(message, { kind: "edit", text: "two" }, ann).text).toBe("two");
    expect(withExpected(message, { kind: "delete" }, ann)).toMatchObject({ text: "", removed: "author" });
    expect(withExpected(message, { kind: "pin", on: true }, ann).pinned).toBe(true);
  });

  it("know that the reader has reacted, although others are named", () => {
    const twenty = Array.from({ length: 20 }, (_, n) => ({ id: `x${n}`, name: `x${n}` }));
    const known: ShownMessage = {
      ...message,
      reactions: [{ emoji: "👍", count: 25, users: twenty, me: true }],
    };
    expect(withExpected(known, react(false), ann).reactions?.[0]).toMatchObject({ count: 24, me: false });
    expect(withExpected(known, react(true), ann).reactions?.[0]).toMatchObject({ count: 25, me: true });
  });

  it("replace earlier ones of the same kind", () => {
    expect(replaces(react(false), react(true))).toBe(true);
    expect(replaces(react(true), { kind: "react", emoji: "🎉", on: true })).toBe(false);
    expect(replaces({ kind: "pin", on: true }, { kind: "delete" })).toBe(false);
    expect(replaces({ kind: "edit", text: "a" }, { kind: "edit", text: "b" })).toBe(true);
  });
});
