import { describe, expect, it, vi } from "vitest";
import { CloseCode } from "../contract/generated";
import { Browser, join, settle, texts } from "../testing/browser";
import { fullStorage } from "../testing/fakes";
import { createLocalStore } from "./local-store";

const browser = new Browser();

describe("a queue", () => {
  it("makes text well-formed before it is sent", async () => {
    const ann = browser.open();
    await join(ann);
    ann.send("cut \ud83d emoji");
    ann.send("whole 😀");
    await settle();
    expect(texts(ann)).toEqual(["cut \ufffd emoji", "whole 😀"]);
  });

  it.each([true, false])("survives a message that the server refuses (error names it: %s)", async names => {
    browser.backend.chat.namesRefused = names;
    const ann = browser.open();
    await join(ann);
    browser.backend.setReachable(false);
    ann.send("x".repeat(4_001));
    ann.send("harmless");
    browser.backend.setReachable(true);
    await settle(5_000);
    expect(texts(ann)).toEqual(["harmless"]);
    expect(ann.chat.value.outbox).toMatchObject([{ status: "failed", code: "invalid_request" }]);
    expect(ann.chat.value.connection.phase).toBe("live");
  });

  it.each([CloseCode.TOO_BIG, CloseCode.PROTOCOL])(
    "survives a message for which the server closes the connection with %i",
    async code => {
      const ann = browser.open();
      await join(ann);
      ann.send("worst");
      browser.backend.chat.cutAll(code);
      ann.send("harmless");
      await settle(5_000);
      expect(texts(ann)).toEqual(["harmless"]);
      expect(ann.chat.value.outbox).toMatchObject([{ text: "worst", status: "failed" }]);
    },
  );

  it("keeps a failed message as failed through a reload, until it is retried or discarded", async () => {
    const ann = browser.open();
    await join(ann);
    browser.backend.chat.refusal = { code: "muted" };
    for (const text of ["retried", "discarded", "left alone"]) ann.send(text);
    await settle(1_000);
    browser.backend.chat.refusal = undefined;
    ann.stop();
    const reloaded = browser.open();
    await settle(20_000);
    expect(browser.backend.chat.messages).toEqual([]);
    const items = reloaded.chat.value.outbox;
    expect(items).toMatchObject(items.map(() => ({ status: "failed", code: "muted" })));
    reloaded.retry(items[0]?.clientId ?? "");
    reloaded.discard(items[1]?.clientId ?? "");
    await settle();
    expect(texts(reloaded)).toEqual(["retried"]);
    reloaded.stop();
    expect(browser.open().chat.value.outbox).toMatchObject([{ text: "left alone", status: "failed" }]);
  });

  it("waits as long as the server says, even if something else arrives", async () => {
    const ann = browser.open();
    await join(ann);
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    chat.refusal = { code: "rate_limited", retryAfter: 4 };
    ann.send("too fast");
    for (let n = 0; n < 30; n += 1) {
      await settle(100);
      chat.say(bob, `meanwhile ${n}`);
    }
    expect(chat.refused).toBe(1);
    chat.refusal = undefined;
    await settle(2_000);
    expect(texts(ann).at(-1)).toBe("too fast");
  });

  it("belongs to the user who wrote it", async () => {
    const anna = browser.open();
    await join(anna, "anna");
    browser.backend.setReachable(false);
    anna.send("from anna");
    await settle();
    anna.leave();
    browser.backend.setReachable(true);
    await join(anna, "boris");
    await settle(20_000);
    expect(browser.backend.chat.messages).toEqual([]);
    expect(anna.chat.value.outbox).toEqual([]);
    anna.leave();
    await settle();

    // The one who comes back under her name decides about it.
    browser.backend.chat.forget("anna");
    await join(anna, "anna");
    await settle(20_000);
    const [item] = anna.chat.value.outbox;
    expect(item).toMatchObject({ text: "from anna", status: "failed" });
    anna.retry(item?.clientId ?? "");
    await settle();
    expect(browser.backend.chat.messages).toMatchObject([{ text: "from anna", user: { name: "anna" } }]);
    expect(browser.localStore.keys("outbox.")).toEqual([]);
  });

  it("of the last release, which named no user, belongs to the one who is signed in", async () => {
    const old = (at: number) => ({ clientId: `c${at}`, text: "old", at });
    browser.localStore.set("outbox.test.000000000000001.c1", old(1));
    expect(browser.open().chat.value.outbox).toEqual([]);
    expect(browser.localStore.keys("outbox.")).toEqual([]);
    const ann = browser.open();
    await join(ann);
    ann.stop();
    browser.localStore.set("outbox.test.000000000000002.c2", old(2));
    const reloaded = browser.open();
    await settle();
    expect(texts(reloaded)).toEqual(["old"]);
  });
});

describe("a dead connection", () => {
  it("is replaced within 45 seconds, and nothing is missed", async () => {
    const ann = browser.open();
    await join(ann);
    const { chat, cloud } = browser.backend;
    await settle(120_000);
    expect([ann.chat.value.connection.phase, ann.cloud.value.connection.phase]).toEqual(["live", "live"]);
    chat.swallow();
    cloud.feed.swallow();
    chat.say(chat.enter("Bob"), "unseen");
    cloud.command({ command: "create", key: "k" }, "Bob");
    await settle(20_000);
    expect(texts(ann)).toEqual([]);
    await settle(25_000);
    expect(texts(ann)).toEqual(["unseen"]);
    expect(ann.cloud.value.instances.size).toBe(1);
    expect(chat.users().map(user => user.name)).toContain("Ann");
  });

  it("is not suspected at a server of an earlier release, which sends no heartbeats", async () => {
    browser.backend.chat.isCurrent = false;
    const opened = vi.spyOn(browser.backend, "openChat");
    const ann = browser.open();
    await join(ann);
    await settle(300_000);
    expect(opened).toHaveBeenCalledTimes(1);
    expect(ann.chat.value.connection.phase).toBe("live");
  });

  it("is replaced at once when the device wakes up", async () => {
    const ann = browser.open();
    await join(ann);
    const [openChat, openCloud] = [
      vi.spyOn(browser.backend, "openChat"),
      vi.spyOn(browser.backend, "openCloud"),
    ];
    ann.wake();
    await settle(2_000);
    expect([openChat, openCloud].map(spy => spy.mock.calls.length)).toEqual([0, 0]);
    browser.backend.chat.swallow();
    browser.backend.cloud.feed.swallow();
    vi.setSystemTime(Date.now() + 3_600_000);
    ann.wake();
    await settle(1_000);
    expect([openChat, openCloud].map(spy => spy.mock.calls.length)).toEqual([1, 1]);
    expect([ann.chat.value.connection.phase, ann.cloud.value.connection.phase]).toEqual(["live", "live"]);
  });
});

describe("without storage", () => {
  it("a user can join and write", async () => {
    const ann = browser.open({ localStore: createLocalStore(fullStorage()) });
    await join(ann);
    ann.send("hello");
    await settle();
    expect(texts(ann)).toEqual(["hello"]);
    expect(ann.chat.value.users.map(user => user.name)).toEqual(["Ann"]);
    ann.leave();
    await settle();
    expect(browser.backend.chat.users()).toEqual([]);
  });

  it("a rejected token that the browser doesn't remove is tried once", async () => {
    const identity = { user: { id: "u", name: "Ann" }, token: "not json" };
    const opened = vi.spyOn(browser.backend, "openChat");
    const ann = browser.open({ localStore: createLocalStore(fullStorage({ "identity.test": identity })) });
    await settle(60_000);
    expect(opened).toHaveBeenCalledTimes(1);
    expect(ann.chat.value.signedOut).toBe("token_invalid");
  });
});

it("starts over with a delay if a server resets it again and again", async () => {
  browser.backend.cloud.feed.alwaysResets = true;
  const opened = vi.spyOn(browser.backend, "openCloud");
  browser.open();
  await settle(60_000);
  expect(opened.mock.calls.length).toBeGreaterThan(2);
  expect(opened.mock.calls.length).toBeLessThan(20);
});
