import type { User } from "../contract/generated";
import { isSamePerson, type OutgoingMessage, type QueuedMessage } from "../state/chat/model";
import type { LocalStore } from "./local-store";

/**
 * Unsent messages in browser storage, so that neither a reload nor a crash loses one.
 *
 * Each message has its own key, which sorts by time, so that several tabs can write without conflicts. Each belongs to
 * the user who wrote it: several people may use the browser, one after another.
 */
export class Outbox {
  private readonly prefix: string;

  constructor(
    private readonly localStore: LocalStore,
    scope: string,
  ) {
    this.prefix = `outbox.${scope}.`;
  }

  /** Store a message. Of its status, only the failure outlasts the page. */
  save({ clientId, text, at, user, status, code }: QueuedMessage): void {
    const failure = status === "failed" ? { status, ...(code ? { code } : {}) } : {};
    this.localStore.set(this.keyOf({ at, clientId }), { clientId, text, at, user, ...failure });
  }

  remove(item: Pick<OutgoingMessage, "clientId" | "at">): void {
    this.localStore.remove(this.keyOf(item));
  }

  /** The messages of `owner`, in the order in which they were written. */
  list(owner: User): QueuedMessage[] {
    return this.all().filter(({ user }) => isSamePerson(user, owner));
  }

  /**
   * Give the messages that the last release stored without a user to `owner`, who was signed in then; without one, they
   * are dropped.
   */
  adopt(owner: User | undefined): void {
    for (const item of this.all()) {
      if (item.user) continue;
      if (owner) this.save({ ...item, user: owner });
      else this.remove(item);
    }
  }

  private all(): QueuedMessage[] {
    return this.localStore.keys(this.prefix).flatMap(key => this.localStore.get<QueuedMessage>(key) ?? []);
  }

  private keyOf({ at, clientId }: Pick<OutgoingMessage, "clientId" | "at">): string {
    return `${this.prefix}${String(at).padStart(15, "0")}.${clientId}`;
  }
}
