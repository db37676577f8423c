import { beforeEach, describe, expect, it, vi } from "vitest";
import { Browser, texts } from "../testing/browser";
import { memoryLocks } from "../testing/fakes";

const browser = new Browser();

describe("several tabs", () => {
  // BroadcastChannel doesn't use the fake timers.
  beforeEach(() => vi.useRealTimers());
  const shared = () => ({ locks: memoryLocks() });
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
    await until(() => second.chat.value.loaded);
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
    const { locks } = shared();
    // A frozen tab: it holds the lock and never responds.
    void locks.request("opsroom::test", {}, () => new Promise(() => {})).catch(() => {});
    const tab = browser.open({ locks });
    await until(() => tab.isLeader);
    await until(() => tab.cloud.value.connection.phase === "live");
  });
});
