import type { ErrorCode, File as StoredFile, User } from "../contract/generated";
import { isSamePerson, type OutgoingMessage, type QueuedMessage, ROOM } from "../state/chat/model";
import type { LocalStore } from "./local-store";
import { type Guard, isFlag, isListOf, isMissingOr, isOneOf, isRecord, isText, isTime } from "./stored";

/** A message as it is stored. Earlier releases stored no user, or no room. */
type StoredMessage = Omit<QueuedMessage, "user" | "room"> & Partial<Pick<QueuedMessage, "user" | "room">>;

const isFile = isRecord<Pick<StoredFile, "id">>({ id: isText }) as Guard<StoredFile>;

const isStoredMessage = isRecord<StoredMessage>({
  clientId: isText,
  room: isMissingOr(isText),
  text: isText,
  thread: isMissingOr(isText),
  broadcast: isMissingOr(isFlag),
  files: isMissingOr(isListOf(isFile)),
  at: isTime,
  user: isMissingOr(isRecord<User>({ id: isText, name: isText })),
  status: isMissingOr(isOneOf("queued", "sending", "failed")),
  code: isMissingOr(isText as Guard<ErrorCode>),
});

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
  save({ clientId, room, text, thread, broadcast, files, at, user, status, code }: QueuedMessage): void {
    const failure = status === "failed" ? { status, ...(code ? { code } : {}) } : {};
    this.localStore.set(this.keyOf({ at, clientId }), {
      ...{ clientId, room, text, thread, broadcast, files, at, user },
      ...failure,
    });
  }

  remove(item: Pick<OutgoingMessage, "clientId" | "at">): void {
    this.localStore.remove(this.keyOf(item));
  }

  /** The messages of `owner`, in the order in which they were written. */
  list(owner: User): QueuedMessage[] {
    return this.all().flatMap(({ user, room = ROOM, ...item }) =>
      user && isSamePerson(user, owner) ? { ...item, room, user } : [],
    );
  }

  /**
   * Give the messages that the last release stored without a user to `owner`, who was signed in then; without one, they
   * are dropped.
   */
  adopt(owner: User | undefined): void {
    for (const item of this.all()) {
      if (item.user) continue;
      if (owner) this.save({ ...item, room: item.room ?? ROOM, user: owner });
      else this.remove(item);
    }
  }

  private all(): StoredMessage[] {
    return this.localStore.keys(this.prefix).flatMap(key => this.localStore.get(key, isStoredMessage) ?? []);
  }

  private keyOf({ at, clientId }: Pick<OutgoingMessage, "clientId" | "at">): string {
    return `${this.prefix}${String(at).padStart(15, "0")}.${clientId}`;
  }
}
