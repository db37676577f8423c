import { afterEach, beforeEach, vi } from "vitest";
import type { Keep } from "../session/keep";
import { Session, type SessionOptions } from "../session/session";
import { createSimBackend, type SimBackend } from "../sim/backend";
import { memoryKeep } from "./fakes";

/** A server and a browser's storage, new for each test, and the tabs opened on them. Time stands still until `settle`. */
export class Browser {
  private at: { readonly backend: SimBackend; readonly keep: Keep } | undefined;
  private readonly sessions: Session[] = [];

  constructor() {
    beforeEach(() => {
      vi.useFakeTimers();
      this.at = { backend: createSimBackend({ delayMs: 10_000, latencyMs: 5 }), keep: memoryKeep() };
    });
    afterEach(() => {
      for (const session of this.sessions.splice(0)) session.stop();
      vi.useRealTimers();
    });
  }

  get backend(): SimBackend {
    return this.here().backend;
  }

  get keep(): Keep {
    return this.here().keep;
  }

  open(options: Partial<SessionOptions> = {}): Session {
    const { backend, keep } = this;
    const session = new Session({ backend, scope: "test", keep, random: () => 0.5, ...options });
    this.sessions.push(session);
    session.start();
    return session;
  }

  private here() {
    if (!this.at) throw new Error("only within a test");
    return this.at;
  }
}

export const settle = (ms = 100) => vi.advanceTimersByTimeAsync(ms);
export const texts = (session: Session) => session.chat.value.messages.map(message => message.text);

export async function join(session: Session, name = "Ann"): Promise<void> {
  const joined = session.register(name);
  await settle();
  await joined;
}
