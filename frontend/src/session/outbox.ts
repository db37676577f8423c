import type { OutgoingMessage } from "../state/chat/model";
import type { LocalStore } from "./local-store";
import { isNumber, isRecord, isText } from "./stored";

type OutboxItem = Pick<OutgoingMessage, "clientId" | "text" | "at">;

const isOutboxItem = isRecord<OutboxItem>({ clientId: isText, text: isText, at: isNumber });

/**
 * Unsent messages in browser storage, so that neither a reload nor a crash loses one.
 *
 * Each message has its own key, which sorts by time, so that several tabs can write without conflicts.
 */
export class Outbox {
  private readonly prefix: string;

  constructor(
    private readonly localStore: LocalStore,
    scope: string,
  ) {
    this.prefix = `outbox.${scope}.`;
  }

  add(item: OutboxItem): void {
    this.localStore.set(this.keyOf(item), item);
  }

  remove(item: OutboxItem): void {
    this.localStore.remove(this.keyOf(item));
  }

  list(): OutboxItem[] {
    return this.localStore.keys(this.prefix).flatMap(key => this.localStore.get(key, isOutboxItem) ?? []);
  }

  private keyOf({ at, clientId }: OutboxItem): string {
    return `${this.prefix}${String(at).padStart(15, "0")}.${clientId}`;
  }
}
