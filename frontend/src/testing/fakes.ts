import { createLocalStore, type LocalStore } from "../session/local-store";

/** Browser storage in memory. */
export function memoryStorage(): Storage {
  const entries = new Map<string, string>();
  return {
    get length() {
      return entries.size;
    },
    key: index => [...entries.keys()][index] ?? null,
    getItem: key => entries.get(key) ?? null,
    setItem: (key, value) => void entries.set(key, value),
    removeItem: key => void entries.delete(key),
    clear: () => entries.clear(),
  };
}

/** A store in memory. */
export const memoryStore = (): LocalStore => createLocalStore(memoryStorage());

/** Storage that keeps `kept` and refuses every change. */
export function fullStorage(kept: Readonly<Record<string, unknown>> = {}): Storage {
  const storage = memoryStorage();
  for (const [key, value] of Object.entries(kept)) storage.setItem(`opsroom.${key}`, JSON.stringify(value));
  const refuse = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  return { ...storage, length: storage.length, setItem: refuse, removeItem: refuse };
}

type Request = Pick<LockManager, "request">;

interface Waiting {
  readonly run: () => Promise<unknown>;
  readonly fail: (error: Error) => void;
  readonly end: (value: unknown) => void;
}

interface Lock {
  readonly queue: Waiting[];
  holder?: Waiting | undefined;
}

function grantNext(lock: Lock): void {
  if (lock.holder) return;
  const taken = lock.queue.shift();
  lock.holder = taken;
  taken?.run().then(value => {
    taken.end(value);
    if (lock.holder === taken) lock.holder = undefined;
    grantNext(lock);
  });
}

/** Web Locks in memory, with a queue and with stealing: the part of the API that tabs use. */
export function memoryLocks(): Request {
  const locks = new Map<string, Lock>();
  const request = (name: string, options: LockOptions, action: () => unknown) =>
    new Promise((end, fail) => {
      const lock = locks.get(name) ?? { queue: [] };
      locks.set(name, lock);
      const waiting: Waiting = { run: async () => action(), fail, end };
      if (options.steal) {
        lock.holder?.fail(new DOMException("stolen", "AbortError"));
        lock.holder = undefined;
        lock.queue.unshift(waiting);
      } else lock.queue.push(waiting);
      queueMicrotask(() => grantNext(lock));
    });
  return { request } as unknown as Request;
}

/** Channels between tabs in memory: messages arrive in order, and before any timer fires. */
export function memoryChannels(): (name: string) => BroadcastChannel {
  const open = new Map<string, Set<MemoryChannel>>();
  return name => {
    const others = open.get(name) ?? new Set();
    open.set(name, others);
    return new MemoryChannel(name, others) as unknown as BroadcastChannel;
  };
}

class MemoryChannel extends EventTarget {
  constructor(
    readonly name: string,
    private readonly others: Set<MemoryChannel>,
  ) {
    super();
    others.add(this);
  }

  postMessage(data: unknown): void {
    if (!this.others.has(this)) throw new DOMException("closed", "InvalidStateError");
    for (const other of this.others) if (other !== this) other.deliver(structuredClone(data));
  }

  close(): void {
    this.others.delete(this);
  }

  private deliver(data: unknown): void {
    queueMicrotask(() => {
      if (this.others.has(this)) this.dispatchEvent(new MessageEvent("message", { data }));
    });
  }
}
