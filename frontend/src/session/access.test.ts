import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/errors";
import type { SessionView } from "../contract/generated";
import { Browser, join, settle } from "../testing/browser";
import { isRecord, isText } from "./stored";

const browser = new Browser();
const storedToken = () =>
  browser.localStore.get("identity.test", isRecord<{ token: string }>({ token: isText }))?.token;

describe("with authentication", () => {
  const GUEST: SessionView = { mode: "token", guests: true, may: ["register", "chat"], role: "member" };
  const ANYBODY: SessionView = { mode: "token", guests: true, may: ["register"] };
  const OPERATOR: SessionView = {
    mode: "token",
    guests: true,
    may: ["register", "chat", "see_servers", "command_servers"],
    role: "operator",
    name: "olga",
  };
  const refused = (code: "token_invalid" | "name_taken") => new ApiError({ code, detail: "" });

  /** Require tokens: `olga` is an operator's token, and registrations with it are operators. */
  function ask(): void {
    const operators = new Set<string | undefined>(["olga"]);
    const known = new Set<string | undefined>(["olga"]);
    const register = browser.backend.register;
    vi.spyOn(browser.backend, "session").mockImplementation(async token => {
      if (!token) return ANYBODY;
      if (!known.has(token)) throw refused("token_invalid");
      return operators.has(token) ? OPERATOR : GUEST;
    });
    vi.spyOn(browser.backend, "register").mockImplementation(async (name, proof) => {
      const registered = await register(name);
      known.add(registered.token);
      if (operators.has(proof)) operators.add(registered.token);
      return registered;
    });
  }

  it("doesn't load servers that a guest may not see, and reads history with the guest's token", async () => {
    ask();
    const [instances, history] = [
      vi.spyOn(browser.backend, "instances"),
      vi.spyOn(browser.backend, "history"),
    ];
    const ann = browser.open();
    await join(ann);
    expect(ann.access.may("see_servers")).toBe(false);
    expect(ann.cloud.value.connection).toMatchObject({ phase: "idle", failures: 0 });
    expect(instances).not.toHaveBeenCalled();
    const token = storedToken();
    expect(history.mock.calls.map(([, sent]) => sent)).toEqual([token]);
  });

  it("exchanges a token for a registration with its role, and hides the servers after sign-out", async () => {
    ask();
    const [list, stream] = [vi.spyOn(browser.backend, "instances"), vi.spyOn(browser.backend, "openCloud")];
    const [registered, signedOut] = [
      vi.mocked(browser.backend.register),
      vi.spyOn(browser.backend, "signOut"),
    ];
    const olga = browser.open();
    await join(olga, "Guest");
    const guest = storedToken();
    const signedIn = olga.signIn("olga");
    await settle();
    await signedIn;
    expect(signedOut).toHaveBeenCalledWith(guest);
    expect(registered).toHaveBeenLastCalledWith("olga", "olga");
    const token = storedToken();
    expect(olga.cloud.value).toMatchObject({ loaded: true, connection: { phase: "live" } });
    expect([list.mock.calls[0]?.[0], stream.mock.calls[0]?.[2]]).toEqual([token, token]);
    olga.leave();
    await settle();
    expect(olga.cloud.value).toMatchObject({ loaded: false, connection: { phase: "idle" } });
    expect(olga.access.may("command_servers")).toBe(false);
  });

  it("appends a number to a taken name, and keeps the old registration if a token is invalid", async () => {
    ask();
    browser.backend.chat.enter("olga");
    const olga = browser.open();
    const signedIn = olga.signIn("olga");
    await settle();
    await signedIn;
    expect(olga.chat.value.me?.name).toBe("olga-2");
    await expect(olga.signIn("nobody")).rejects.toMatchObject({ code: "token_invalid" });
    expect(olga.chat.value.me?.name).toBe("olga-2");
  });

  it("removes a stored token that was revoked, and continues without it", async () => {
    ask();
    browser.localStore.set("identity.test", { user: { id: "u", name: "Ann" }, token: "stale" });
    const ann = browser.open();
    await settle();
    expect(ann.chat.value).toMatchObject({ signedOut: "token_invalid" });
    expect(storedToken()).toBeUndefined();
    expect(ann.access.view.value).toEqual(ANYBODY);
  });

  it.each([
    ["empty", ""],
    ["too long", "x".repeat(3_000)],
    ["no text", "\ud800\u0000"],
    ["of several lines", "a\nb"],
  ])("signs out a user whose stored token is damaged, and says so: it is %s", async (_damage, token) => {
    browser.localStore.set("identity.test", { user: { id: "u", name: "Ann" }, token });
    const opened = vi.spyOn(browser.backend, "openChat");
    const ann = browser.open();
    await settle();
    expect(ann.chat.value).toMatchObject({ signedOut: "token_invalid", connection: { phase: "idle" } });
    expect(ann.chat.value.me).toBeUndefined();
    expect(opened).not.toHaveBeenCalled();
    expect(browser.localStore.keys("identity.")).toEqual([]);
  });

  it("sends no stored token in open mode", async () => {
    browser.localStore.set("identity.test", { user: { id: "u", name: "Ann" }, token: "not json" });
    const list = vi.spyOn(browser.backend, "instances");
    const ann = browser.open();
    await settle();
    expect(list.mock.calls.map(([sent]) => sent)).toEqual([undefined]);
    expect(ann.cloud.value.connection.phase).toBe("live");
  });
});
