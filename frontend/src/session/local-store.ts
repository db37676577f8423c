import { type ReadonlySignal, signal } from "@preact/signals";
import type { Guard } from "./stored";

/** A key-value store in the browser. What the browser doesn't take is kept in memory, until the page is closed. */
export interface LocalStore {
  /** The stored value; undefined if there is none or if `isValid` rejects it. */
  get<T>(key: string, isValid: Guard<T>): T | undefined;
  set(key: string, value: unknown): void;
  remove(key: string): void;
  /** All keys that begin with `prefix`, sorted. */
  keys(prefix: string): string[];
  /** Whether the browser has refused to keep something: it denies access, or its storage is full. */
  readonly failed: ReadonlySignal<boolean>;
}

const PREFIX = "opsroom.";

export function createLocalStore(storage: Storage | undefined | null): LocalStore {
  /** What the browser didn't take, as JSON; null: it didn't remove the value that it has. */
  const unsaved = new Map<string, string | null>();
  const failed = signal(false);

  const attempt = <T>(action: (storage: Storage) => T): { readonly result: T } | undefined => {
    try {
      if (storage) return { result: action(storage) };
    } catch {
      // Quota exceeded or access denied.
    }
    failed.value = true;
    return undefined;
  };
  const write = (key: string, json: string | null): void => {
    const written = attempt(one => (json === null ? one.removeItem(key) : one.setItem(key, json)));
    if (written) unsaved.delete(key);
    else unsaved.set(key, json);
  };
  const read = (key: string): string | null =>
    unsaved.get(key) ?? (unsaved.has(key) ? null : (attempt(one => one.getItem(key))?.result ?? null));
  const storedKeys = (): string[] =>
    attempt(one => Array.from({ length: one.length }, (_, index) => one.key(index) ?? ""))?.result ?? [];

  // Find out at once, before there is anything to lose.
  write(`${PREFIX}probe`, "1");
  write(`${PREFIX}probe`, null);
  return {
    failed,
    get: (key, isValid) => {
      try {
        const value: unknown = JSON.parse(read(PREFIX + key) ?? "null");
        return isValid(value) ? value : undefined;
      } catch {
        return undefined;
      }
    },
    set: (key, value) => write(PREFIX + key, JSON.stringify(value)),
    remove: key => write(PREFIX + key, null),
    keys: prefix =>
      [...new Set([...storedKeys(), ...unsaved.keys()])]
        .filter(key => key.startsWith(PREFIX + prefix) && unsaved.get(key) !== null)
        .map(key => key.slice(PREFIX.length))
        .sort(),
  };
}

/** The browser's storage; undefined if access is denied. */
export function browserStorage(kind: "localStorage" | "sessionStorage"): Storage | undefined {
  try {
    return window[kind];
  } catch {
    return undefined;
  }
}
