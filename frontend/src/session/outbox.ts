import type { Outgoing } from "../state/chat/model";
import type { Keep } from "./keep";

type Item = Pick<Outgoing, "clientId" | "text" | "at">;

/**
 * Messages on their way, kept until the server has them, so that neither a reload nor a crash loses one.
 * Each has a key of its own that sorts by time: several tabs may write at once without overwriting.
 */
export class Outbox {
  private readonly prefix: string;

  constructor(
    private readonly keep: Keep,
    scope: string,
  ) {
    this.prefix = `outbox.${scope}.`;
  }

  add(item: Item): void {
    this.keep.set(this.keyOf(item), item);
  }

  remove(item: Item): void {
    this.keep.remove(this.keyOf(item));
  }

  list(): Item[] {
    return this.keep.keys(this.prefix).flatMap(key => this.keep.get<Item>(key) ?? []);
  }

  private keyOf({ at, clientId }: Item): string {
    return `${this.prefix}${String(at).padStart(15, "0")}.${clientId}`;
  }
}
