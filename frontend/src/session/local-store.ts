import type { Guard } from "./stored";

/** A key-value store in the browser. If the browser denies access, it stays empty. */
export interface LocalStore {
  /** The stored value; undefined if there is none or if `isValid` rejects it. */
  get<T>(key: string, isValid: Guard<T>): T | undefined;
  set(key: string, value: unknown): void;
  remove(key: string): void;
  /** All keys that begin with `prefix`, sorted. */
  keys(prefix: string): string[];
}

const PREFIX = "opsroom.";

export function createLocalStore(storage: Storage | undefined): LocalStore {
  const guarded = <T>(action: (storage: Storage) => T): T | undefined => {
    try {
      return storage && action(storage);
    } catch {
      // Quota exceeded, access denied or invalid JSON: the page works without the value.
      return undefined;
    }
  };
  return {
    get: (key, isValid) => {
      const value: unknown = guarded(store => JSON.parse(store.getItem(PREFIX + key) ?? "null"));
      return isValid(value) ? value : undefined;
    },
    set: (key, value) => guarded(store => store.setItem(PREFIX + key, JSON.stringify(value))),
    remove: key => guarded(store => store.removeItem(PREFIX + key)),
    keys: prefix =>
      guarded(store =>
        Array.from({ length: store.length }, (_, index) => store.key(index) ?? "")
          .filter(key => key.startsWith(PREFIX + prefix))
          .map(key => key.slice(PREFIX.length))
          .sort(),
      ) ?? [],
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
