import type { User } from "../contract/generated";
import type { Change, OutgoingChange, QueuedChange } from "../state/chat/message-changes";
import { isSamePerson } from "../state/chat/model";
import type { LocalStore } from "./local-store";
import { type Guard, isRecord, isText, isTime } from "./stored";

const KINDS: readonly string[] = ["edit", "delete", "react", "pin"] satisfies readonly Change["kind"][];

/** A change as it is stored: to be sent, whatever became of it before. */
type StoredChange = Omit<QueuedChange, "status" | "code" | "seq">;

const isStoredChange = isRecord<StoredChange>({
  ...{ clientId: isText, room: isText, id: isText, at: isTime },
  change: ((value: unknown) =>
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    KINDS.includes(String(value.kind))) as Guard<Change>,
  user: isRecord<User>({ id: isText, name: isText }),
});

/** Changes of messages that are not stored yet, in browser storage, as {@link Outbox} keeps messages. */
export class ChangeOutbox {
  private readonly prefix: string;

  constructor(
    private readonly localStore: LocalStore,
    scope: string,
  ) {
    this.prefix = `changes.${scope}.`;
  }

  /** Store what `after` has and `before` hadn't, and remove the others. */
  update(before: readonly OutgoingChange[], after: readonly OutgoingChange[]): void {
    const lasts = ({ status }: OutgoingChange) => status !== "stored";
    const [had, has] = [before.filter(lasts), after.filter(lasts)];
    const isIn = (items: readonly OutgoingChange[], item: OutgoingChange) =>
      items.some(one => one.clientId === item.clientId);
    for (const item of had) if (!isIn(has, item)) this.localStore.remove(this.keyOf(item));
    for (const item of has) if (!isIn(had, item)) this.save(item);
  }

  /** The changes of `owner`, in their order. */
  list(owner: User): QueuedChange[] {
    const all = this.localStore
      .keys(this.prefix)
      .flatMap(key => this.localStore.get(key, isStoredChange) ?? []);
    return all.filter(item => isSamePerson(item.user, owner));
  }

  private save({ clientId, room, id, change, at, user }: OutgoingChange): void {
    this.localStore.set(this.keyOf({ at, clientId }), { clientId, room, id, change, at, user });
  }

  private keyOf({ at, clientId }: Pick<OutgoingChange, "clientId" | "at">): string {
    return `${this.prefix}${String(at).padStart(15, "0")}.${clientId}`;
  }
}
