import { describe, expect, it, vi } from "vitest";
import type { ClientFrame, User } from "../contract/generated";
import { conversationOf } from "../state/chat/messages";
import { readUpTo } from "../state/chat/rooms";
import { Browser, join, messagesOf, settle, texts } from "../testing/browser";
import { memoryChannels, memoryLocks } from "../testing/fakes";
import type { AppStore } from "./app-store";

const browser = new Browser();
const textsIn = (store: AppStore, room: string) => messagesOf(store, room).map(one => one.text);

/** A room of Ann and Bob, who has no page. */
async function roomOf(store: AppStore): Promise<{ readonly id: string; readonly bob: User }> {
  const { chat } = browser.backend;
  const me = store.chat.peek().me as User;
  const bob = chat.enter("Bob");
  const { id } = chat.rooms.create(me, "Ops", undefined, true);
  chat.rooms.invite(me, id, [bob.id]);
  await settle();
  return { id, bob };
}

describe("a room", () => {
  it("has its messages, which are loaded when it is opened", async () => {
    const ann = browser.open();
    await join(ann);
    const { id, bob } = await roomOf(ann);
    browser.backend.chat.say(bob, "before", undefined, undefined, id);
    await settle();
    expect(textsIn(ann, id)).toEqual([]);
    expect(ann.chat.value.rooms.get(id)).toMatchObject({ role: "owner", unread: 1 });
    ann.openRoom(id);
    await settle();
    ann.send("hello", id);
    await settle();
    expect(textsIn(ann, id)).toEqual(["before", "hello"]);
    expect(texts(ann)).toEqual([]);
    expect(ann.chat.value.rooms.get(id)?.unread).toBe(0);
  });

  it("gets what was missed while the connection was away, and what was written meanwhile", async () => {
    const ann = browser.open();
    await join(ann);
    const { id, bob } = await roomOf(ann);
    ann.openRoom(id);
    await settle();
    browser.backend.setReachable(false);
    ann.send("from afar", id);
    browser.backend.chat.say(bob, "missed", undefined, undefined, id);
    browser.backend.chat.say(bob, "missed by all");
    await settle(1_000);
    browser.backend.setReachable(true);
    await settle(40_000);
    expect(textsIn(ann, id)).toEqual(["missed", "from afar"]);
    expect(texts(ann)).toEqual(["missed by all"]);
  });

  it("has as much unread as the server counts after a removal", async () => {
    const ann = browser.open();
    await join(ann);
    const { id, bob } = await roomOf(ann);
    const { chat } = browser.backend;
    const { seq } = chat.say(bob, "read", undefined, undefined, id);
    await settle();
    ann.read(id, seq);
    const [first, second] = ["one", "two"].map(text => chat.say(bob, text, undefined, undefined, id));
    await settle();
    expect(ann.chat.value.rooms.get(id)?.unread).toBe(2);
    for (const message of [second, first])
      chat.change({ listener: { onOpen() {}, onFrame() {}, onClose() {} } }, bob, {
        ...{ type: "delete", clientId: `d${message?.seq}`, room: id, id: message?.id ?? "" },
      });
    await settle(1_000);
    expect(ann.chat.value.rooms.get(id)?.unread).toBe(0);
  });

  it("is gone, with its messages, once the user is removed from it", async () => {
    const ann = browser.open();
    await join(ann);
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    const { id } = chat.rooms.create(bob, "Secrets", undefined, true);
    chat.rooms.invite(bob, id, [ann.chat.peek().me?.id ?? ""]);
    ann.openRoom(id);
    await settle();
    chat.say(bob, "for members", undefined, undefined, id);
    await settle();
    expect(textsIn(ann, id)).toEqual(["for members"]);
    chat.rooms.expel(bob, id, ann.chat.peek().me?.id ?? "");
    chat.say(bob, "after that", undefined, undefined, id);
    ann.send("still here?", id);
    await settle();
    expect([ann.chat.value.rooms.has(id), textsIn(ann, id)]).toEqual([false, []]);
    expect(ann.chat.value.outbox).toMatchObject([{ status: "failed", code: "room_unknown", room: id }]);
  });

  it("loads earlier pages for itself", async () => {
    const ann = browser.open();
    await join(ann);
    const { id, bob } = await roomOf(ann);
    for (let n = 1; n <= 90; n += 1) browser.backend.chat.say(bob, `${n}`, undefined, undefined, id);
    browser.backend.chat.say(bob, "elsewhere");
    ann.openRoom(id);
    await settle();
    expect(textsIn(ann, id)).toHaveLength(60);
    await Promise.all([ann.loadOlder(id), settle()]);
    expect(textsIn(ann, id)[0]).toBe("1");
    expect(conversationOf(ann.chat.value, id).hasOlder).toBe(false);
  });

  it("is read in all tabs, after a reload, and on the server", async () => {
    const [openChannel, locks] = [memoryChannels(), memoryLocks()];
    const sent: ClientFrame[] = [];
    const { openChat } = browser.backend;
    vi.spyOn(browser.backend, "openChat").mockImplementation(listener => {
      const socket = openChat(listener);
      const send = (frame: ClientFrame) => {
        sent.push(frame);
        socket.send(frame);
      };
      return { ...socket, send };
    });
    const first = browser.open({ openChannel, locks });
    await join(first);
    const { id, bob } = await roomOf(first);
    const second = browser.open({ openChannel, locks });
    await settle(3_000);
    const { seq } = browser.backend.chat.say(bob, "news", undefined, undefined, id);
    await settle();
    expect([first, second].map(tab => tab.chat.value.rooms.get(id)?.unread)).toEqual([1, 1]);
    second.read(id, seq);
    await settle();
    expect([first, second].map(tab => tab.chat.value.rooms.get(id)?.unread)).toEqual([0, 0]);
    expect(sent.filter(one => one.type === "read")).toEqual([{ type: "read", room: id, seq }]);
    second.stop();
    first.stop();
    const back = browser.open();
    await settle();
    expect(readUpTo(back.chat.value, id)).toBe(seq);
  });
});
