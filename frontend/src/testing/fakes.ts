import { createLocalStore, type LocalStore } from "../session/local-store";

/** A store in memory. */
export function memoryStore(): LocalStore {
  const entries = new Map<string, string>();
  return createLocalStore({
    get length() {
      return entries.size;
    },
    key: index => [...entries.keys()][index] ?? null,
    getItem: key => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: key => void entries.delete(key),
    clear: () => entries.clear(),
  });
}

type Request = Pick<LockManager, "request">;

interface Waiting {
  readonly run: () => Promise<unknown>;
  readonly fail: (error: Error) => void;
  readonly end: (value: unknown) => void;
}

/** One Web Lock in memory, with a queue and with stealing: the part of the API that tabs use. */
export function memoryLocks(): Request {
  const queue: Waiting[] = [];
  let holder: Waiting | undefined;
  const next = () => {
    if (holder) return;
    const taken = queue.shift();
    holder = taken;
    taken?.run().then(value => {
      taken.end(value);
      if (holder === taken) holder = undefined;
      next();
    });
  };
  const request = (_name: string, options: LockOptions, action: () => unknown) =>
    new Promise((end, fail) => {
      const waiting: Waiting = { run: async () => action(), fail, end };
      if (options.steal) {
        holder?.fail(new Error("stolen"));
        holder = undefined;
        queue.unshift(waiting);
      } else queue.push(waiting);
      queueMicrotask(next);
    });
  return { request } as unknown as Request;
}
