import { afterEach, expect, it, vi } from "vitest";
import { memoryStore } from "../testing/fakes";
import { Identity } from "./identity";
import { createLocalStore } from "./local-store";
import { Outbox } from "./outbox";
import { takeCallback } from "./sign-on-callback";
import { isListOf, isMissingOr, isNumber, isOneOf, isRecord, isText } from "./stored";

/** What another version of the page, or a person, may have stored. */
const STRANGE: readonly unknown[] = [
  "neon",
  "",
  7,
  -1,
  true,
  null,
  [],
  [1],
  {},
  { user: "Ann" },
  { a: { b: [] } },
];

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

it.each(STRANGE)("ignores a stored preference that is none: %j", async value => {
  const entries = new Map(
    ["theme", "language", "notifications"].map(key => [`opsroom.${key}`, JSON.stringify(value)]),
  );
  const storage = { getItem: (key: string) => entries.get(key) ?? null };
  vi.stubGlobal("window", { localStorage: storage, sessionStorage: storage });
  vi.stubGlobal("navigator", { languages: ["en"] });
  const { language, theme, notifications, dictionary } = await import("../ui/settings/preferences");
  expect([theme.value, language.value]).toEqual(["auto", "en"]);
  expect(notifications.value).toBe(value === true);
  expect(dictionary.value.theme[theme.value]).toBe("System");
});

it.each(STRANGE)("ignores a stored registration, message or sign-in that is none: %j", value => {
  const store = memoryStore();
  for (const key of ["identity.s", "outbox.s.1", "signOn"]) store.set(key, value);
  expect(new Identity(store, "s").load()).toBeUndefined();
  expect(new Outbox(store, "s").list({ id: "u", name: "ann" })).toEqual([]);
  expect(takeCallback(store, "?state=x&code=y")?.pending).toBeUndefined();
});

it.each([1e20, -1e20, 8.64e15 + 1, null, "1"])(
  "ignores a stored message of a time that no date has: %j",
  at => {
    const [store, user] = [memoryStore(), { id: "u", name: "ann" }];
    const message = { clientId: "x1", text: "t", user, status: "failed", code: "invalid_request" };
    store.set("outbox.s.1", { ...message, at });
    store.set("outbox.s.2", { ...message, at: 8.64e15 });
    expect(new Outbox(store, "s").list(user).map(item => item.at)).toEqual([8.64e15]);
  },
);

it("ignores what is no JSON", () => {
  const store = createLocalStore({ getItem: () => "{" } as unknown as Storage);
  expect(store.get("theme", isText)).toBeUndefined();
});

it("accepts what fits", () => {
  const store = memoryStore();
  const isPlace = isRecord<{ seq: number; epoch?: string | undefined }>({
    seq: isNumber,
    epoch: isMissingOr(isText),
  });
  for (const value of [{ seq: 1 }, { seq: 1, epoch: "e", more: [] }]) {
    store.set("place", value);
    expect(store.get("place", isPlace)).toEqual(value);
  }
  store.set("list", ["a", "b"]);
  expect(store.get("list", isListOf(isOneOf("a", "b")))).toEqual(["a", "b"]);
  expect(store.get("list", isListOf(isOneOf("a")))).toBeUndefined();
});
