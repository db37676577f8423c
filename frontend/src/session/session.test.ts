import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RefusedError } from "../api/errors";
import type { SessionView } from "../contract/generated";
import { createSimBackend, type SimBackend } from "../sim/backend";
import { memoryKeep, memoryLocks } from "../testing/fakes";
import type { Keep } from "./keep";
import { Session, type SessionOptions } from "./session";

let backend: SimBackend;
let keep: Keep;
const sessions: Session[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  backend = createSimBackend({ delayMs: 10_000, latencyMs: 5 });
  keep = memoryKeep();
});

afterEach(() => {
  for (const session of sessions.splice(0)) session.stop();
  vi.useRealTimers();
});

function open(options: Partial<SessionOptions> = {}): Session {
  const session = new Session({ backend, scope: "test", keep, random: () => 0.5, ...options });
  sessions.push(session);
  session.start();
  return session;
}

const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);
const texts = (session: Session) => session.chat.value.messages.map(message => message.text);

async function join(session: Session, name = "Ann"): Promise<void> {
  const joined = session.register(name);
  await settle();
  await joined;
}

describe("the chat", () => {
  it("signs in, talks, and knows a returning user", async () => {
    const ann = open();
    await join(ann);
    ann.say("hello");
    await settle();
    expect(texts(ann)).toEqual(["hello"]);
    expect(ann.chat.value.outbox).toEqual([]);
    ann.stop();
    const back = open();
    await settle();
    expect(back.chat.value.me?.name).toBe("Ann");
    expect(texts(back)).toEqual(["hello"]);
  });

  it("shows everything once after the connection was cut, however often", async () => {
    const ann = open();
    await join(ann);
    const bob = backend.chat.enter("Bob");
    for (let round = 1; round <= 5; round += 1) {
      backend.chat.say(bob, `live ${round}`);
      backend.chat.cutAll();
      backend.chat.say(bob, `missed ${round}`);
      await settle(20_000);
    }
    const expected = [1, 2, 3, 4, 5].flatMap(round => [`live ${round}`, `missed ${round}`]);
    expect(texts(ann)).toEqual(expected);
    expect(ann.chat.value.link.phase).toBe("live");
  });

  it("sends what was typed offline once, in order, also after a reload", async () => {
    const ann = open();
    await join(ann);
    backend.setReachable(false);
    ann.say("one");
    ann.say("two");
    await settle(1_000);
    expect(ann.chat.value.outbox.map(item => item.status)).toEqual(["queued", "queued"]);
    ann.stop();
    const reloaded = open();
    reloaded.say("three");
    await settle(3_000);
    backend.setReachable(true);
    await settle(40_000);
    expect(backend.chat.messages.map(message => message.text)).toEqual(["one", "two", "three"]);
    expect(reloaded.chat.value.outbox).toEqual([]);
    expect(keep.keys("outbox.")).toEqual([]);
  });

  it("resends what was cut off between send and answer without saying it twice", async () => {
    const ann = open();
    await join(ann);
    ann.say("once");
    // The send is in; the answer will not come out.
    backend.chat.cutAll();
    await settle(5_000);
    expect(texts(ann)).toEqual(["once"]);
    expect(backend.chat.messages).toHaveLength(1);
  });

  it("asks for a nickname again when the token opens nothing any more", async () => {
    keep.set("identity.test", { user: { id: "u", name: "Ann" }, token: "not json" });
    const ann = open();
    await settle();
    expect(ann.chat.value).toMatchObject({ signedOut: "token_invalid" });
    expect(ann.chat.value.me).toBeUndefined();
  });

  it("leaves, and others see it at once", async () => {
    const ann = open();
    await join(ann);
    ann.leave();
    await settle();
    expect(ann.chat.value.me).toBeUndefined();
    expect(backend.chat.users()).toEqual([]);
  });

  it("loads older pages until the beginning", async () => {
    const bob = backend.chat.enter("Bob");
    for (let n = 1; n <= 130; n += 1) backend.chat.say(bob, `${n}`);
    const ann = open();
    await join(ann);
    expect(texts(ann)).toHaveLength(60);
    for (let page = 0; page < 2; page += 1) {
      const loaded = ann.loadOlder();
      await settle();
      await loaded;
    }
    expect(texts(ann)[0]).toBe("1");
    expect(texts(ann)).toHaveLength(130);
    expect(ann.chat.value.hasOlder).toBe(false);
  });
});

describe("the cloud", () => {
  it("goes through a life and logs it line by line", async () => {
    const ann = open();
    await settle();
    await Promise.all([ann.commander.run("create"), settle(11_000)]);
    const [id] = [...ann.cloud.value.instances.keys()];
    for (const command of ["start", "stop", "remove"] as const) {
      await Promise.all([ann.commander.run(command, id), settle(11_000)]);
    }
    expect(ann.cloud.value.worklog.map(line => line.kind)).toEqual([
      ...["received", "created", "received", "started"],
      ...["received", "stopped", "received", "removed"],
    ]);
    expect(ann.cloud.value.instances.size).toBe(0);
  });

  it("takes a second click on a busy target for none", async () => {
    const ann = open();
    await settle();
    await Promise.all([ann.commander.run("create"), ann.commander.run("create"), settle(2_000)]);
    expect(ann.cloud.value.instances.size).toBe(1);
  });

  it("undoes what is pending, and says in the Worklog why it can't", async () => {
    const ann = open();
    await settle();
    await Promise.all([ann.commander.run("create"), settle(2_000)]);
    const [instance] = [...ann.cloud.value.instances.values()];
    const operation = instance?.pending?.id ?? "";
    await Promise.all([ann.commander.undo(instance?.id ?? "", operation, "create"), settle()]);
    expect(ann.cloud.value.instances.size).toBe(0);
    await Promise.all([ann.commander.undo("i9", operation, "create"), settle()]);
    expect(ann.cloud.value.worklog.at(-1)).toMatchObject({ kind: "refused", code: "operation_finished" });
  });

  it("is whole again after cuts and resets", async () => {
    const ann = open();
    await settle();
    await Promise.all([ann.commander.run("create"), settle(3_000)]);
    backend.cloud.cutAll();
    backend.cloud.command({ command: "create", key: "while away" }, "Bob");
    await settle(15_000);
    backend.cloud.resetAll();
    await settle(5_000);
    expect(new Map(ann.cloud.value.instances)).toEqual(
      new Map(backend.cloud.list().instances.map(one => [one.id, one])),
    );
    expect(ann.cloud.value.worklog).toHaveLength(4);
    expect(ann.cloud.value.link.phase).toBe("live");
  });

  it("says when the next attempt comes while nobody answers", async () => {
    backend.setReachable(false);
    const ann = open();
    await settle(20);
    const { link } = ann.cloud.value;
    expect(link).toMatchObject({ phase: "waiting", everLive: false });
    expect(link.retryAt).toBeGreaterThan(Date.now());
  });
});

describe("outside of open mode", () => {
  const GUEST: SessionView = { mode: "token", guests: true, may: ["register", "chat"], role: "member" };
  const ANYBODY: SessionView = { mode: "token", guests: true, may: ["register"] };
  const OPERATOR: SessionView = {
    mode: "token",
    guests: true,
    may: ["register", "chat", "see_servers", "command_servers"],
    role: "operator",
    name: "olga",
  };
  const refused = (code: "token_invalid" | "name_taken") => new RefusedError({ code, detail: "" });

  /** A server where the token `olga` and what is registered with it are an operator's. */
  function ask(): void {
    const operators = new Set<string | undefined>(["olga"]);
    const known = new Set<string | undefined>(["olga"]);
    const register = backend.register;
    vi.spyOn(backend, "session").mockImplementation(async token => {
      if (!token) return ANYBODY;
      if (!known.has(token)) throw refused("token_invalid");
      return operators.has(token) ? OPERATOR : GUEST;
    });
    vi.spyOn(backend, "register").mockImplementation(async (name, proof) => {
      const registered = await register(name);
      known.add(registered.token);
      if (operators.has(proof)) operators.add(registered.token);
      return registered;
    });
  }

  it("asks for no servers that a guest may not see, and reads the room as the guest", async () => {
    ask();
    const [instances, history] = [vi.spyOn(backend, "instances"), vi.spyOn(backend, "history")];
    const ann = open();
    await join(ann);
    expect(ann.access.may("see_servers")).toBe(false);
    expect(ann.cloud.value.link).toMatchObject({ phase: "idle", failures: 0 });
    expect(instances).not.toHaveBeenCalled();
    const token = keep.get<{ token: string }>("identity.test")?.token;
    expect(history.mock.calls.map(([, sent]) => sent)).toEqual([token]);
  });

  it("exchanges a token for a registration with its role, reads with that, and forgets all at the end", async () => {
    ask();
    const [list, stream] = [vi.spyOn(backend, "instances"), vi.spyOn(backend, "openCloud")];
    const [registered, signedOut] = [vi.mocked(backend.register), vi.spyOn(backend, "signOut")];
    const olga = open();
    await join(olga, "Guest");
    const guest = keep.get<{ token: string }>("identity.test")?.token;
    const signedIn = olga.signIn("olga");
    await settle();
    await signedIn;
    expect(signedOut).toHaveBeenCalledWith(guest);
    expect(registered).toHaveBeenLastCalledWith("olga", "olga");
    const token = keep.get<{ token: string }>("identity.test")?.token;
    expect(olga.cloud.value).toMatchObject({ loaded: true, link: { phase: "live" } });
    expect([list.mock.calls[0]?.[0], stream.mock.calls[0]?.[2]]).toEqual([token, token]);
    olga.leave();
    await settle();
    expect(olga.cloud.value).toMatchObject({ loaded: false, link: { phase: "idle" } });
    expect(olga.access.may("command_servers")).toBe(false);
  });

  it("takes the next name where its own is taken, and keeps nothing of a token that is refused", async () => {
    ask();
    backend.chat.enter("olga");
    const olga = open();
    const signedIn = olga.signIn("olga");
    await settle();
    await signedIn;
    expect(olga.chat.value.me?.name).toBe("olga-2");
    await expect(olga.signIn("nobody")).rejects.toMatchObject({ code: "token_invalid" });
    expect(olga.chat.value.me?.name).toBe("olga-2");
  });

  it("drops a stored token that proves nothing any more, and asks again without", async () => {
    ask();
    keep.set("identity.test", { user: { id: "u", name: "Ann" }, token: "stale" });
    const ann = open();
    await settle();
    expect(ann.chat.value).toMatchObject({ signedOut: "token_invalid" });
    expect(keep.get("identity.test")).toBeUndefined();
    expect(ann.access.view.value).toEqual(ANYBODY);
  });

  it("sends no stored token where anybody may read", async () => {
    keep.set("identity.test", { user: { id: "u", name: "Ann" }, token: "not json" });
    const list = vi.spyOn(backend, "instances");
    const ann = open();
    await settle();
    expect(list.mock.calls.map(([sent]) => sent)).toEqual([undefined]);
    expect(ann.cloud.value.link.phase).toBe("live");
  });
});

describe("several tabs", () => {
  // Channels deliver in real time, so these tests wait in real time.
  beforeEach(() => vi.useRealTimers());
  const shared = () => ({ locks: memoryLocks() });
  const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 4_000);

  it("share one connection, one state and one outbox", async () => {
    const opened = vi.spyOn(backend, "openCloud");
    const together = shared();
    const [first, second] = [open(together), open(together)];
    await until(() => second.cloud.value.loaded);
    await first.register("Ann");
    await until(() => second.chat.value.me?.name === "Ann");
    second.say("from the second tab");
    await until(() => texts(first).length === 1 && texts(second).length === 1);
    expect([first.leads, second.leads]).toEqual([true, false]);
    expect(opened).toHaveBeenCalledTimes(1);
    expect(second.chat.value.outbox).toEqual([]);
  });

  it("go on without a gap when the one that leads is closed", async () => {
    const together = shared();
    const [first, second] = [open(together), open(together)];
    await first.register("Ann");
    await until(() => second.chat.value.loaded);
    const bob = backend.chat.enter("Bob");
    backend.chat.say(bob, "before");
    await until(() => texts(second).length === 1);
    first.stop();
    backend.chat.say(bob, "between");
    await until(() => second.leads && second.chat.value.link.phase === "live");
    backend.chat.say(bob, "after");
    await until(() => texts(second).length === 3);
    expect(texts(second)).toEqual(["before", "between", "after"]);
  });

  it("take the lead from one that doesn't answer", async () => {
    const { locks } = shared();
    // A frozen tab: it holds the lock and never answers.
    void locks.request("opsroom::test", {}, () => new Promise(() => {})).catch(() => {});
    const tab = open({ locks });
    await until(() => tab.leads);
    await until(() => tab.cloud.value.link.phase === "live");
  });
});
