import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/errors";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { Browser, join, settle, texts } from "../testing/browser";

const browser = new Browser();

describe("the history of the chat", () => {
  it("begins where the server says, although pages are shorter than asked for", async () => {
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    for (let n = 1; n <= 131; n += 1) chat.say(bob, `${n}`);
    chat.pageMax = 58;
    const ann = browser.open();
    await join(ann);
    expect([texts(ann).length, conversationOf(ann.chat.value, ROOM).hasOlder]).toEqual([58, true]);
    for (let page = 0; page < 2; page += 1) await Promise.all([ann.loadOlder(), settle()]);
    expect([texts(ann)[0], texts(ann).length, conversationOf(ann.chat.value, ROOM).hasOlder]).toEqual([
      "1",
      131,
      false,
    ]);
  });

  it("goes on behind a page without messages", async () => {
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    for (const text of ["one", "two"]) chat.say(bob, text);
    const history = chat.history.bind(chat);
    // The server has read its budget of removed messages.
    vi.spyOn(chat, "history").mockImplementation(query =>
      query.before === 3 ? { messages: [], next: 2 } : history(query),
    );
    const ann = browser.open();
    await join(ann);
    expect(texts(ann)).toEqual(["one"]);
    expect(conversationOf(ann.chat.value, ROOM)).toMatchObject({ loaded: true, hasOlder: false });
  });

  it("waits while the server prepares it, and meanwhile messages come and go", async () => {
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    chat.say(bob, "before");
    const history = chat.history.bind(chat);
    const asked = vi.spyOn(chat, "history").mockImplementation(() => {
      throw new ApiError({ code: "unavailable", detail: "the message index is being built", retryAfter: 3 });
    });
    const ann = browser.open();
    await join(ann);
    expect(conversationOf(ann.chat.value, ROOM)).toMatchObject({ loaded: false, isDelayed: true });
    chat.say(bob, "meanwhile");
    ann.send("from Ann");
    await settle(7_000);
    expect(texts(ann)).toEqual(["meanwhile", "from Ann"]);
    expect(ann.chat.value.connection).toMatchObject({ phase: "live" });
    expect(asked.mock.calls.length).toBe(3);
    asked.mockImplementation(history);
    await settle(3_000);
    expect(texts(ann)).toEqual(["before", "meanwhile", "from Ann"]);
    expect(conversationOf(ann.chat.value, ROOM).isDelayed).toBeUndefined();
  });

  it("has no page of another epoch", async () => {
    const { chat } = browser.backend;
    const bob = chat.enter("Bob");
    for (let n = 1; n <= 70; n += 1) chat.say(bob, `${n}`);
    const ann = browser.open();
    await join(ann);
    const history = chat.history.bind(chat);
    vi.spyOn(chat, "history").mockImplementation(query => ({ ...history(query), epoch: "e9" }));
    await Promise.all([ann.loadOlder(), settle()]);
    expect(texts(ann)).toHaveLength(60);
  });
});

describe.each([300_000, -300_000])("a device whose clock is wrong by %i ms", ahead => {
  it("knows the server's time", async () => {
    browser.backend.cloud.clockAheadMs = ahead;
    const ann = browser.open();
    await settle();
    expect(Math.abs(ann.clockOffset.value - ahead)).toBeLessThan(50);
    browser.backend.cloud.command({ command: "create", key: "k" }, "Bob");
    await settle();
    const [instance] = ann.cloud.value.instances.values();
    const left = Date.parse(instance?.pending?.dueAt ?? "") - (Date.now() + ann.clockOffset.value);
    expect(Math.abs(left - 9_900)).toBeLessThan(200);
  });
});

describe.each([7_200_000, -7_200_000])(
  "a device whose clock is set by %i ms while the page is open",
  jump => {
    const setClock = () => vi.setSystemTime(Date.now() + jump);

    it("learns the server's time again", async () => {
      const ann = browser.open();
      await settle();
      setClock();
      browser.backend.cloud.clockAheadMs = -jump;
      ann.onClockSet();
      await settle();
      expect(Math.abs(ann.clockOffset.value + jump)).toBeLessThan(50);
    });

    it("asks the server once, although each tab sees it", async () => {
      const asked = vi.spyOn(browser.backend, "session");
      const ann = browser.open();
      await settle();
      asked.mockClear();
      for (let tab = 0; tab < 5; tab += 1) ann.onClockSet();
      await settle();
      expect(asked).toHaveBeenCalledTimes(1);
    });

    it("shows a typing notice for five seconds", async () => {
      const ann = browser.open();
      await join(ann);
      const [bob, carl] = [browser.backend.chat.enter("Bob"), browser.backend.chat.enter("Carl")];
      const names = (store: ReturnType<Browser["open"]>) => store.chat.value.typing.map(one => one.user.name);
      await settle();
      browser.backend.chat.type(bob);
      await settle(1_000);
      setClock();
      // Another notice, for which the tab looks at the clock again.
      browser.backend.chat.type(carl);
      await settle(3_900);
      expect(names(ann)).toEqual(["Bob", "Carl"]);
      await settle(200);
      expect(names(ann)).toEqual(["Carl"]);
      await settle(1_000);
      expect(names(ann)).toEqual([]);
    });

    it("waits for the event of a command no longer than usual", async () => {
      const ann = browser.open();
      await join(ann);
      browser.backend.cloud.feed.swallow();
      const sent = ann.commandSender.run("create");
      await settle(500);
      setClock();
      browser.backend.cloud.clockAheadMs = -jump;
      await settle(3_000);
      expect(ann.commandSender.busy.value.size).toBe(0);
      await sent;
    });
  },
);

it("doesn't take a time that no date has for the server's", async () => {
  const ann = browser.open();
  await settle();
  vi.spyOn(browser.backend, "session").mockResolvedValue({
    ...{ mode: "open", guests: true, may: ["register", "chat", "see_servers"] },
    now: "soon",
  });
  ann.reconnect();
  await settle();
  expect(Math.abs(ann.clockOffset.value)).toBeLessThan(50);
});

describe("a failure", () => {
  const failures = (store: ReturnType<Browser["open"]>) => [...store.cloud.value.failures.values()];

  it("of a command stays at its server until another command follows", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(11_000)]);
    const [id = ""] = ann.cloud.value.instances.keys();
    browser.backend.cloud.failure = "no room";
    await Promise.all([ann.commandSender.run("start", id), settle(11_000)]);
    expect(ann.cloud.value.failures.get(id)).toMatchObject({ command: "start", detail: "no room" });
    browser.backend.cloud.failure = undefined;
    await Promise.all([ann.commandSender.run("start", id), settle(11_000)]);
    expect(ann.cloud.value.failures.size).toBe(0);
  });

  it("of a creation stays although the server is gone, also after a reload, until it is dismissed", async () => {
    browser.backend.cloud.failure = "no room";
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(11_000)]);
    expect(ann.cloud.value.instances.size).toBe(0);
    expect(failures(ann)).toMatchObject([{ command: "create", detail: "no room", actor: "Ann" }]);
    ann.stop();
    const back = browser.open();
    await settle();
    const [line] = failures(back);
    expect(line).toMatchObject({ command: "create", detail: "no room" });
    back.dismissFailures(line?.key ?? "");
    await settle();
    expect(failures(back)).toEqual([]);
    back.stop();
    const again = browser.open();
    await settle();
    expect(failures(again)).toEqual([]);
    expect(again.cloud.value.worklog.map(one => one.kind)).toEqual(["received", "failed"]);
  });

  it("shows why a command was refused, and that it was to undo one", async () => {
    const ann = browser.open();
    await join(ann);
    await Promise.all([ann.commandSender.run("create"), settle(11_000)]);
    const [id = ""] = ann.cloud.value.instances.keys();
    await Promise.all([ann.commandSender.run("stop", id), settle()]);
    expect(ann.cloud.value.failures.get(id)).toMatchObject({ command: "stop", code: "transition_invalid" });
    await Promise.all([ann.commandSender.undo(id, "o1", "create"), settle()]);
    expect(failures(ann).at(-1)).toMatchObject({ code: "operation_finished", undo: true });
  });
});

describe("commands", () => {
  it("are offered by permission, and in open mode to users who have a name", async () => {
    const ann = browser.open();
    expect(ann.access.mayCommand(true)).toBe(true); // not known yet
    await settle();
    expect([ann.access.mayCommand(false), ann.access.mayCommand(true)]).toEqual([false, true]);
    vi.spyOn(browser.backend, "session").mockResolvedValue({
      mode: "token",
      guests: true,
      may: ["register", "chat", "see_servers"],
    });
    ann.reconnect();
    await settle();
    expect(ann.access.mayCommand(true)).toBe(false);
  });
});
