import { expect, it } from "vitest";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { Browser, join, settle } from "../testing/browser";
import type { AppStore } from "./app-store";

const browser = new Browser();
const messages = (store: AppStore) => conversationOf(store.chat.value, ROOM).messages;
const rootOf = (store: AppStore) => messages(store)[0];

it("counts each reply once: live, after a reconnect, and after a reload", async () => {
  const ann = browser.open();
  await join(ann);
  ann.send("root");
  await settle();
  const thread = rootOf(ann)?.id ?? "";
  ann.send("one", ROOM, { thread });
  ann.send("two", ROOM, { thread, broadcast: true });
  await settle();
  expect(rootOf(ann)?.replies).toMatchObject({ replies: 2, last: 3, participants: [{ name: "Ann" }] });
  expect(messages(ann).map(one => [one.text, one.thread, one.broadcast])).toEqual([
    ["root", undefined, undefined],
    ["one", thread, undefined],
    ["two", thread, true],
  ]);
  browser.backend.chat.cutAll();
  ann.reconnect();
  await settle(500);
  expect(rootOf(ann)?.replies?.replies).toBe(2);
  ann.stop();
  const again = browser.open();
  await settle(500);
  expect(rootOf(again)?.replies?.replies).toBe(2);
  again.send("three", ROOM, { thread });
  await settle();
  expect(rootOf(again)?.replies?.replies).toBe(3);
  const last = messages(again).at(-1);
  again.change(ROOM, last?.id ?? "", { kind: "delete" });
  await settle();
  expect(rootOf(again)?.replies?.replies).toBe(2);
});

it("keeps a reply in its thread while it is not sent, also after a reload", async () => {
  const first = browser.open();
  await join(first);
  first.send("root");
  await settle();
  const thread = rootOf(first)?.id ?? "";
  browser.backend.setReachable(false);
  first.send("later", ROOM, { thread, broadcast: true });
  first.stop();
  browser.backend.setReachable(true);
  const second = browser.open();
  await settle(500);
  expect(messages(second).at(-1)).toMatchObject({ text: "later", thread, broadcast: true });
});

it("doesn't count a reply that the room doesn't show as unread", async () => {
  const ann = browser.open();
  await join(ann);
  ann.send("root");
  await settle();
  const before = ann.chat.value.rooms.get(ROOM)?.last;
  const bob = browser.open({ scope: "other" });
  await join(bob, "Bob");
  bob.send("quietly", ROOM, { thread: rootOf(ann)?.id ?? "" });
  await settle();
  expect(ann.chat.value.rooms.get(ROOM)?.last).toBe(before);
  expect(rootOf(ann)?.replies?.replies).toBe(1);
  bob.send("aloud", ROOM, { thread: rootOf(ann)?.id ?? "", broadcast: true });
  await settle();
  expect(ann.chat.value.rooms.get(ROOM)?.last).toBeGreaterThan(1);
  // Ann follows the thread, whose first message is hers.
  expect(ann.chat.value.arrived.map(one => one.text)).toEqual(["quietly", "aloud"]);
});

const followed = (store: AppStore) =>
  [...store.chat.value.threads.byId.values()].filter(one => one.following).map(one => [one.id, one.unread]);

it("counts unread replies in followed threads, the same after a reconnect and a reload", async () => {
  const ann = browser.open();
  await join(ann);
  ann.send("root");
  await settle();
  const thread = rootOf(ann)?.id ?? "";
  const bob = browser.open({ scope: "other" });
  await join(bob, "Bob");
  for (const text of ["one", "two"]) bob.send(text, ROOM, { thread });
  await settle();
  expect([followed(ann), followed(bob)]).toEqual([[[thread, 2]], [[thread, 0]]]);
  ann.stop();
  bob.send("three", ROOM, { thread });
  await settle();
  const again = browser.open();
  await settle(1_000);
  expect(followed(again)).toEqual([[thread, 3]]);
  const { chat } = browser.backend;
  const api = await browser.backend.messages();
  const last = messages(again).at(-1)?.seq ?? 0;
  await Promise.all([api.readThread(ROOM, thread, last - 1, again.token), settle()]);
  expect(followed(again)).toEqual([[thread, 1]]);
  bob.change(ROOM, messages(bob).at(-1)?.id ?? "", { kind: "delete" });
  await settle(1_000);
  expect(followed(again)).toEqual([[thread, 0]]);
  await Promise.all([api.follow(ROOM, thread, false, again.token), settle()]);
  chat.cutAll();
  again.reconnect();
  await settle(1_000);
  expect(followed(again)).toEqual([]);
});
