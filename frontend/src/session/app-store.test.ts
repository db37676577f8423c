import { describe, expect, it } from "vitest";
import { CloseCode } from "../contract/generated";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { Browser, join, settle, texts } from "../testing/browser";

const browser = new Browser();

describe("the chat", () => {
  it("registers, sends, and restores the user after a reload", async () => {
    const ann = browser.open();
    await join(ann);
    ann.send("hello");
    await settle();
    expect(texts(ann)).toEqual(["hello"]);
    expect(ann.chat.value.outbox).toEqual([]);
    ann.stop();
    const back = browser.open();
    await settle();
    expect(back.chat.value.me?.name).toBe("Ann");
    expect(texts(back)).toEqual(["hello"]);
  });

  it("shows every message once after repeated disconnects", async () => {
    const ann = browser.open();
    await join(ann);
    const bob = browser.backend.chat.enter("Bob");
    for (let round = 1; round <= 5; round += 1) {
      browser.backend.chat.say(bob, `live ${round}`);
      browser.backend.chat.cutAll();
      browser.backend.chat.say(bob, `missed ${round}`);
      await settle(20_000);
    }
    const expected = [1, 2, 3, 4, 5].flatMap(round => [`live ${round}`, `missed ${round}`]);
    expect(texts(ann)).toEqual(expected);
    expect(ann.chat.value.connection.phase).toBe("live");
  });

  it("sends offline messages once and in order, even after a reload", async () => {
    const ann = browser.open();
    await join(ann);
    browser.backend.setReachable(false);
    ann.send("one");
    ann.send("two");
    await settle(1_000);
    expect(ann.chat.value.outbox.map(item => item.status)).toEqual(["queued", "queued"]);
    ann.stop();
    const reloaded = browser.open();
    reloaded.send("three");
    await settle(3_000);
    browser.backend.setReachable(true);
    await settle(40_000);
    expect(browser.backend.chat.messages.map(message => message.text)).toEqual(["one", "two", "three"]);
    expect(reloaded.chat.value.outbox).toEqual([]);
    expect(browser.localStore.keys("outbox.")).toEqual([]);
  });

  it("resends an unacknowledged message without a duplicate", async () => {
    const ann = browser.open();
    await join(ann);
    ann.send("once");
    // The server has the message; its ack is lost.
    browser.backend.chat.cutAll();
    await settle(5_000);
    expect(texts(ann)).toEqual(["once"]);
    expect(browser.backend.chat.messages).toHaveLength(1);
  });

  it("signs out if the stored token is invalid", async () => {
    browser.localStore.set("identity.test", { user: { id: "u", name: "Ann" }, token: "not json" });
    const ann = browser.open();
    await settle();
    expect(ann.chat.value).toMatchObject({ signedOut: "token_invalid" });
    expect(ann.chat.value.me).toBeUndefined();
  });

  it("leaves the chat, and the server removes the user at once", async () => {
    const ann = browser.open();
    await join(ann);
    ann.leave();
    await settle();
    expect(ann.chat.value.me).toBeUndefined();
    expect(browser.backend.chat.users()).toEqual([]);
  });

  it("loads older pages up to the beginning", async () => {
    const bob = browser.backend.chat.enter("Bob");
    for (let n = 1; n <= 130; n += 1) browser.backend.chat.say(bob, `${n}`);
    const ann = browser.open();
    await join(ann);
    expect(texts(ann)).toHaveLength(60);
    for (let page = 0; page < 2; page += 1) {
      const loaded = ann.loadOlder();
      await settle();
      await loaded;
    }
    expect(texts(ann)[0]).toBe("1");
    expect(texts(ann)).toHaveLength(130);
    expect(conversationOf(ann.chat.value, ROOM).hasOlder).toBe(false);
  });
});

it("shows only the messages of a server that was set up again, however many there are", async () => {
  const ann = browser.open();
  await join(ann);
  const { chat } = browser.backend;
  const bob = chat.enter("Bob");
  for (const text of ["one", "two"]) chat.say(bob, text);
  await settle();
  expect(texts(ann)).toEqual(["one", "two"]);
  chat.renew();
  for (const text of ["three", "four", "five"]) chat.say(bob, text);
  await settle(15_000);
  expect(texts(ann)).toEqual(["three", "four", "five"]);
  expect(ann.chat.value.connection.phase).toBe("live");
});

it("waits for the server's retry hint on both connections", async () => {
  const ann = browser.open();
  await join(ann);
  browser.backend.chat.cutAll(CloseCode.GOING_AWAY, "going away; retry in 2.0 s");
  browser.backend.cloud.feed.cutAll(3_000);
  const [chatAt, cloudAt] = [ann.chat, ann.cloud].map(
    state => (state.value.connection.retryAt ?? 0) - Date.now(),
  );
  expect([chatAt, cloudAt]).toEqual([2_500, 3_500]);
  await settle(4_000);
  expect([ann.chat.value.connection.phase, ann.cloud.value.connection.phase]).toEqual(["live", "live"]);
});

describe("the cloud", () => {
  it("runs all commands on an instance and logs each event", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(11_000)]);
    const [id] = [...ann.cloud.value.instances.keys()];
    for (const command of ["start", "stop", "remove"] as const) {
      await Promise.all([ann.commandSender.run(command, id), settle(11_000)]);
    }
    expect(ann.cloud.value.worklog.map(line => line.kind)).toEqual([
      ...["received", "created", "received", "started"],
      ...["received", "stopped", "received", "removed"],
    ]);
    expect(ann.cloud.value.instances.size).toBe(0);
  });

  it("ignores a second command while the first is pending", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), ann.commandSender.run("create"), settle(2_000)]);
    expect(ann.cloud.value.instances.size).toBe(1);
  });

  it("cancels a pending command, and logs why a finished one can't be cancelled", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(2_000)]);
    const [instance] = [...ann.cloud.value.instances.values()];
    const operation = instance?.pending?.id ?? "";
    await Promise.all([ann.commandSender.undo(instance?.id ?? "", operation, "create"), settle()]);
    expect(ann.cloud.value.instances.size).toBe(0);
    await Promise.all([ann.commandSender.undo("i9", operation, "create"), settle()]);
    expect(ann.cloud.value.worklog.at(-1)).toMatchObject({ kind: "refused", code: "operation_finished" });
  });

  it("is complete again after disconnects and resets", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(3_000)]);
    browser.backend.cloud.feed.cutAll();
    browser.backend.cloud.command({ command: "create", key: "while away" }, "Bob");
    await settle(15_000);
    browser.backend.cloud.feed.resetAll();
    await settle(5_000);
    expect(new Map(ann.cloud.value.instances)).toEqual(
      new Map(browser.backend.cloud.list().instances.map(one => [one.id, one])),
    );
    expect(ann.cloud.value.worklog).toHaveLength(4);
    expect(ann.cloud.value.connection.phase).toBe("live");
  });

  it("has only the servers of a portal that was set up again, however many events that has", async () => {
    const ann = browser.open();
    const { cloud } = browser.backend;
    await settle();
    for (const key of ["a", "b"]) cloud.command({ command: "create", key }, "Bob");
    await settle(15_000);
    expect(ann.cloud.value.instances.size).toBe(2);
    cloud.renew();
    const others = ["c", "d", "e", "f"].map(key => cloud.command({ command: "create", key }, "Bob"));
    await settle(15_000);
    const ids = [...ann.cloud.value.instances.keys()];
    expect(ids.sort()).toEqual(others.map(one => one.instanceId).sort());
    expect(ann.cloud.value.connection.phase).toBe("live");
  });

  it("loads the list again for events of an older server, which contain no instance", async () => {
    browser.backend.cloud.records.carriesInstance = false;
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(15_000)]);
    const [created] = browser.backend.cloud.list().instances;
    expect([...ann.cloud.value.instances.values()]).toEqual([created]);
    expect(created).toMatchObject({ state: "stopped" });
    await Promise.all([ann.commandSender.run("remove", created?.id), settle(15_000)]);
    expect(ann.cloud.value.instances.size).toBe(0);
    expect(ann.cloud.value.connection.phase).toBe("live");
  });

  it("reports the time of the next attempt while the server is unreachable", async () => {
    browser.backend.setReachable(false);
    const ann = browser.open();
    await settle(20);
    const { connection } = ann.cloud.value;
    expect(connection).toMatchObject({ phase: "waiting", everLive: false });
    expect(connection.retryAt).toBeGreaterThan(Date.now());
  });
});
