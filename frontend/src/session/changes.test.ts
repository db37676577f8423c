import { expect, it } from "vitest";
import { type Change, withPending } from "../state/chat/message-changes";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { Browser, join, settle } from "../testing/browser";
import type { AppStore } from "./app-store";

const browser = new Browser();

/** The messages as they are shown. */
const shown = (store: AppStore) => {
  const { changes } = store.chat.value;
  return withPending(conversationOf(store.chat.value, ROOM).messages, changes);
};
const reactionsOf = (store: AppStore) =>
  shown(store)[0]?.reactions?.map(one => `${one.emoji}${one.count}${one.me ? "*" : ""}`) ?? [];

async function sent(store: AppStore, text: string): Promise<string> {
  store.send(text);
  await settle();
  return shown(store).at(-1)?.id ?? "";
}

const react = (on: boolean, emoji = "👍"): Change => ({ kind: "react", emoji, on });

it("shows a change at once, and then what the log has", async () => {
  const ann = browser.open();
  await join(ann);
  const id = await sent(ann, "one");
  ann.change(ROOM, id, { kind: "edit", text: "two" });
  expect(shown(ann)[0]).toMatchObject({ text: "two", changes: [{ status: "sending" }] });
  expect(shown(ann)[0]?.editedAt).toBeUndefined();
  await settle();
  expect(ann.chat.value.changes).toEqual([]);
  expect(shown(ann)[0]?.text).toBe("two");
  expect(shown(ann)[0]?.editedAt).toBeDefined();
  ann.change(ROOM, id, react(true));
  expect(reactionsOf(ann)).toEqual(["👍1*"]);
  await settle();
  expect(reactionsOf(ann)).toEqual(["👍1*"]);
  ann.change(ROOM, id, { kind: "delete" });
  expect(shown(ann)[0]).toMatchObject({ text: "", removed: "author" });
  await settle();
  expect(shown(ann)[0]).toMatchObject({ text: "", removed: "author" });
  expect(ann.chat.value.changes).toEqual([]);
});

it("shows the changes of others, also those that were made while it was away", async () => {
  const ann = browser.open();
  await join(ann);
  const id = await sent(ann, "one");
  const bob = browser.backend.chat.enter("Bob");
  const nobody = { listener: { onOpen() {}, onFrame() {}, onClose() {} } };
  const about = { clientId: "x", room: ROOM, id };
  browser.backend.chat.change(nobody, bob, { type: "react", ...about, emoji: "👍", on: true });
  expect(reactionsOf(ann)).toEqual(["👍1"]);
  browser.backend.setReachable(false);
  browser.backend.chat.change(nobody, bob, { type: "react", ...about, emoji: "🎉", on: true });
  browser.backend.chat.change(nobody, bob, { type: "pin", ...about, on: true });
  expect(reactionsOf(ann)).toEqual(["👍1"]);
  browser.backend.setReachable(true);
  ann.reconnect();
  await settle();
  expect(reactionsOf(ann)).toEqual(["👍1", "🎉1"]);
  expect(shown(ann)[0]?.pinned).toBe(true);
});

it("keeps what was asked for while offline, also after a reload, and sends it once", async () => {
  const first = browser.open();
  await join(first);
  const id = await sent(first, "one");
  browser.backend.setReachable(false);
  first.change(ROOM, id, { kind: "edit", text: "two" });
  first.change(ROOM, id, react(true));
  first.change(ROOM, id, react(false));
  first.change(ROOM, id, { kind: "edit", text: "three" });
  expect(first.chat.value.changes.map(one => one.change)).toEqual([
    react(false),
    { kind: "edit", text: "three" },
  ]);
  first.stop();
  browser.backend.setReachable(true);
  const second = browser.open();
  await settle(500);
  expect(shown(second)[0]?.text).toBe("three");
  expect(second.chat.value.changes).toEqual([]);
  expect(browser.localStore.keys("changes.")).toEqual([]);
});

it("says what failed, and lets the user retry or drop it", async () => {
  const ann = browser.open();
  await join(ann);
  const id = await sent(ann, "one");
  browser.backend.chat.refusal = { code: "muted" };
  ann.change(ROOM, id, { kind: "edit", text: "two" });
  await settle();
  expect(shown(ann)[0]).toMatchObject({ text: "one", changes: [{ status: "failed", code: "muted" }] });
  browser.backend.chat.refusal = undefined;
  const clientId = ann.chat.value.changes[0]?.clientId ?? "";
  ann.retry(clientId);
  expect(shown(ann)[0]?.text).toBe("two");
  await settle();
  expect(shown(ann)[0]).not.toHaveProperty("changes");
  browser.backend.chat.refusal = { code: "muted" };
  ann.change(ROOM, id, react(true));
  await settle();
  ann.discard(ann.chat.value.changes[0]?.clientId ?? "");
  expect(shown(ann)[0]).not.toHaveProperty("changes");
  expect(reactionsOf(ann)).toEqual([]);
});

it("keeps the order of a message and its change", async () => {
  const ann = browser.open();
  await join(ann);
  const id = await sent(ann, "one");
  browser.backend.setReachable(false);
  ann.change(ROOM, id, { kind: "edit", text: "two" });
  ann.send("after it");
  browser.backend.setReachable(true);
  ann.reconnect();
  await settle(500);
  expect(shown(ann).map(one => one.text)).toEqual(["two", "after it"]);
});
