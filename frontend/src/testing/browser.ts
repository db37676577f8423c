import { afterEach, beforeEach, vi } from "vitest";
import { createMockBackend, type MockBackend } from "../mock-server/backend";
import { AppStore, type AppStoreOptions } from "../session/app-store";
import type { LocalStore } from "../session/local-store";
import { conversationOf } from "../state/chat/messages";
import { ROOM } from "../state/chat/model";
import { memoryStore } from "./fakes";

/** A mock server and browser storage, new for each test, and the tabs opened on them. Time advances with `settle`. */
export class Browser {
  private current: { readonly backend: MockBackend; readonly localStore: LocalStore } | undefined;
  private readonly stores: AppStore[] = [];

  constructor() {
    beforeEach(() => {
      vi.useFakeTimers();
      this.current = {
        backend: createMockBackend({ delayMs: 10_000, latencyMs: 5 }),
        localStore: memoryStore(),
      };
    });
    afterEach(() => {
      for (const store of this.stores.splice(0)) store.stop();
      vi.useRealTimers();
    });
  }

  get backend(): MockBackend {
    return this.require().backend;
  }

  get localStore(): LocalStore {
    return this.require().localStore;
  }

  open(options: Partial<AppStoreOptions> = {}): AppStore {
    const { backend, localStore } = this;
    const store = new AppStore({ backend, scope: "test", localStore, random: () => 0.5, ...options });
    this.stores.push(store);
    store.start();
    return store;
  }

  private require() {
    if (!this.current) throw new Error("only within a test");
    return this.current;
  }
}

export const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);
/** The messages of a room that a tab has. */
export const messagesOf = (store: AppStore, room = ROOM) => conversationOf(store.chat.value, room).messages;
export const texts = (store: AppStore) => messagesOf(store).map(message => message.text);

export async function join(store: AppStore, name = "Ann"): Promise<void> {
  const joined = store.register(name);
  await settle();
  await joined;
}
