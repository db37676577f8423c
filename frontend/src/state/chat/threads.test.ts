import { expect, it } from "vitest";
import type { Message, ThreadUnread, User } from "../../contract/generated";
import { EMPTY_CHAT } from "./model";
import { countReply, onThreadsNotice, unreadReplies, withThreadCounts } from "./threads";

const [ann, bob]: [User, User] = [
  { id: "u1", name: "Ann" },
  { id: "u2", name: "Bob" },
];
const reply = (seq: number, user = bob, thread = "m1"): Message => ({
  ...{ seq, id: `m${seq}`, room: "general", user, text: "", timestamp: "2026-11-23T20:00:00.000Z", thread },
});
const counted = (read: number, unread: number, asOf: number, following = true): ThreadUnread => ({
  ...{ room: "general", id: "m1", following, read, unread, asOf },
});
const mine = { ...EMPTY_CHAT, me: ann };

it("adds each reply of others once, whether it comes before or after the count that lacks it", () => {
  const notice = { threads: [counted(5, 0, 5)] };
  const orders = [
    onThreadsNotice(countReply(countReply(mine, reply(6)), reply(7)), notice),
    countReply(countReply(onThreadsNotice(countReply(mine, reply(6)), notice), reply(7)), reply(6)),
    countReply(countReply(countReply(onThreadsNotice(mine, notice), reply(6)), reply(7)), reply(7)),
  ];
  expect(orders.map(unreadReplies)).toEqual([2, 2, 2]);
  expect(unreadReplies(countReply(onThreadsNotice(mine, notice), reply(6, ann)))).toBe(0);
  expect(unreadReplies(countReply(onThreadsNotice(mine, notice), reply(6, bob, "m2")))).toBe(0);
});

it("takes over a position of another device, and none that is lower", () => {
  const before = countReply(onThreadsNotice(mine, { threads: [counted(5, 3, 8)] }), reply(9));
  expect(unreadReplies(before)).toBe(4);
  expect(unreadReplies(onThreadsNotice(before, { threads: [counted(5, 0, 5)] }))).toBe(4);
  expect(unreadReplies(onThreadsNotice(before, { threads: [counted(4, 9, 30)] }))).toBe(4);
  expect(unreadReplies(onThreadsNotice(before, { threads: [counted(8, 0, 8)] }))).toBe(1);
  expect(unreadReplies(onThreadsNotice(before, { threads: [counted(9, 0, 9, false)] }))).toBe(0);
});

it("has the threads of a count alone, and what has changed since", () => {
  const before = onThreadsNotice(mine, { threads: [counted(5, 3, 8), { ...counted(9, 1, 20), id: "m2" }] });
  const after = withThreadCounts(before, { asOf: 12, threads: [{ ...counted(1, 2, 12), id: "m3" }] });
  expect([...after.threads.byId.keys()].toSorted()).toEqual(["m2", "m3"]);
});
