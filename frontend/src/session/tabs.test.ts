import { beforeEach, describe, expect, it, vi } from "vitest";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { Browser, texts } from "../testing/browser";
import { fullStorage, memoryLocks, memoryStore } from "../testing/fakes";
import { createLocalStore } from "./local-store";

const browser = new Browser();

describe("several tabs", () => {
  // BroadcastChannel doesn't use the fake timers.
  beforeEach(() => vi.useRealTimers());
  const openChannel = (name: string) => new BroadcastChannel(name);
  const shared = () => ({ locks: memoryLocks(), openChannel });
  const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 4_000);

  it("share one connection, one state and one outbox", async () => {
    const opened = vi.spyOn(browser.backend, "openCloud");
    const together = shared();
    const [first, second] = [browser.open(together), browser.open(together)];
    await until(() => second.cloud.value.loaded);
    await first.register("Ann");
    await until(() => second.chat.value.me?.name === "Ann");
    second.send("from the second tab");
    await until(() => texts(first).length === 1 && texts(second).length === 1);
    expect([first.isLeader, second.isLeader]).toEqual([true, false]);
    expect(opened).toHaveBeenCalledTimes(1);
    expect(second.chat.value.outbox).toEqual([]);
  });

  it("continue without a gap when the leader is closed", async () => {
    const together = shared();
    const [first, second] = [browser.open(together), browser.open(together)];
    await first.register("Ann");
    await until(() => conversationOf(second.chat.value, ROOM).loaded);
    const bob = browser.backend.chat.enter("Bob");
    browser.backend.chat.say(bob, "before");
    await until(() => texts(second).length === 1);
    first.stop();
    browser.backend.chat.say(bob, "between");
    await until(() => second.isLeader && second.chat.value.connection.phase === "live");
    browser.backend.chat.say(bob, "after");
    await until(() => texts(second).length === 3);
    expect(texts(second)).toEqual(["before", "between", "after"]);
  });

  it("replace a leader that doesn't respond", async () => {
    const together = shared();
    const { locks } = together;
    // A frozen tab: it holds the lock and never responds.
    void locks.request("opsroom:3::test", {}, () => new Promise(() => {})).catch(() => {});
    const tab = browser.open(together);
    await until(() => tab.isLeader);
    await until(() => tab.cloud.value.connection.phase === "live");
  });

  it("send a follower's message once, even if the leader closes before it has sent it", async () => {
    const together = shared();
    const [first, second, third] = [browser.open(together), browser.open(together), browser.open(together)];
    await first.register("Ann");
    await until(
      () => conversationOf(second.chat.value, ROOM).loaded && conversationOf(third.chat.value, ROOM).loaded,
    );
    third.send("by the first");
    await until(() => texts(third).length === 1);
    first.stop();
    third.send("by the second");
    await until(() => second.isLeader && texts(second).length === 2 && texts(third).length === 2);
    expect(browser.backend.chat.messages.map(message => message.text)).toEqual([
      "by the first",
      "by the second",
    ]);
    expect(browser.localStore.keys("outbox.")).toEqual([]);
    expect([second.chat.value.outbox, third.chat.value.outbox]).toEqual([[], []]);
  });

  it("show an unsent message at once and send it once, if the leader doesn't respond", async () => {
    const together = shared();
    const { locks } = together;
    const user = browser.backend.chat.enter("Ann");
    browser.localStore.set("identity.test", { user, token: JSON.stringify(user) });
    void locks.request("opsroom:3::test", {}, () => new Promise(() => {})).catch(() => {});
    const tab = browser.open(together);
    tab.send("to a frozen tab");
    expect(tab.chat.value.outbox).toMatchObject([{ text: "to a frozen tab", status: "queued" }]);
    await until(() => texts(tab).length === 1);
    expect(browser.backend.chat.messages).toHaveLength(1);
    expect(browser.localStore.keys("outbox.")).toEqual([]);
  });

  it("don't send a message again that a follower has discarded", async () => {
    const together = shared();
    const [first, second] = [browser.open(together), browser.open(together)];
    await first.register("Ann");
    await until(() => second.chat.value.me !== undefined);
    browser.backend.setReachable(false);
    first.send("never mind");
    await until(() => second.chat.value.outbox.length === 1);
    const [item] = second.chat.value.outbox;
    second.discard(item?.clientId ?? "");
    expect(browser.localStore.keys("outbox.")).toEqual([]);
    await until(() => first.chat.value.outbox.length === 0);
    first.stop();
    await until(() => second.isLeader);
    expect(second.chat.value.outbox).toEqual([]);
  });

  it("sign in, leave and hide the servers together", async () => {
    const together = shared();
    const [first, second] = [browser.open(together), browser.open(together)];
    await until(() => second.cloud.value.loaded);
    await second.register("Ann");
    await until(
      () => conversationOf(first.chat.value, ROOM).loaded && conversationOf(second.chat.value, ROOM).loaded,
    );
    second.leave();
    await until(() => first.chat.value.signedOut === "left" && second.chat.value.signedOut === "left");
    await until(() => browser.backend.chat.users().length === 0);
    expect(browser.localStore.keys("identity.")).toEqual([]);
  });

  it("connect as the user whom another tab registered, even before storage has caught up", async () => {
    const together = shared();
    // Browsers share storage between processes with a delay; here, it never arrives.
    const [first, second] = [
      browser.open({ ...together, localStore: memoryStore() }),
      browser.open(together),
    ];
    await until(() => second.cloud.value.loaded);
    await second.register("Ann");
    await until(
      () => conversationOf(first.chat.value, ROOM).loaded && second.chat.value.connection.phase === "live",
    );
    expect(first.token).toBe(second.token);
  });

  it("share one connection without locks, as over plain http", async () => {
    const opened = vi.spyOn(browser.backend, "openCloud");
    const tabs = Array.from({ length: 8 }, () => browser.open({ openChannel }));
    await until(() => tabs.every(tab => tab.cloud.value.loaded));
    expect(tabs.filter(tab => tab.isLeader)).toHaveLength(1);
    await tabs[7]?.register("Ann");
    tabs[7]?.send("from the last tab");
    await until(() => tabs.every(tab => texts(tab).length === 1));
    expect(opened).toHaveBeenCalledTimes(1);
    tabs.find(tab => tab.isLeader)?.stop();
    await until(() => opened.mock.calls.length === 2);
  });

  it("share the user if the browser stores nothing", async () => {
    const together = shared();
    const open = () => browser.open({ ...together, localStore: createLocalStore(fullStorage()) });
    const [first, second] = [open(), open()];
    await second.register("Ann");
    await until(
      () => conversationOf(first.chat.value, ROOM).loaded && conversationOf(second.chat.value, ROOM).loaded,
    );
    const third = open();
    await until(() => conversationOf(third.chat.value, ROOM).loaded);
    expect([first.token, third.token]).toEqual([second.token, second.token]);
    first.stop();
    await until(() => second.isLeader && second.chat.value.connection.phase === "live");
    third.send("still Ann");
    await until(() => texts(second).length === 1);
    expect(browser.backend.chat.messages[0]?.user.name).toBe("Ann");
  });

  it("of two servers have two users and two connections", async () => {
    const together = shared();
    const opened = vi.spyOn(browser.backend, "openChat");
    const [one, other] = [
      browser.open({ ...together, scope: "one" }),
      browser.open({ ...together, scope: "other" }),
    ];
    await until(() => one.isLeader && other.isLeader);
    await one.register("Ann");
    await other.register("Bob");
    await until(
      () => conversationOf(one.chat.value, ROOM).loaded && conversationOf(other.chat.value, ROOM).loaded,
    );
    one.send("to one");
    await until(() => one.chat.value.outbox.length === 0);
    expect([one.chat.value.me?.name, other.chat.value.me?.name]).toEqual(["Ann", "Bob"]);
    expect(opened).toHaveBeenCalledTimes(2);
  });
});
