import { computed, type ReadonlySignal } from "@preact/signals";
import type { Backend } from "../api/backend";
import type { Instance, RoomView } from "../contract/generated";
import { signalsOf } from "../live/page-store";
import { SharedStore } from "../live/shared-store";
import type { Change } from "../state/chat/message-changes";
import { type ChatEvent, type ChatState, type OutgoingMessage, ROOM } from "../state/chat/model";
import { type CloudState, DISMISSED_MAX } from "../state/cloud/model";
import {
  type Action,
  EMPTY_PAGE,
  mergeSnapshot,
  type PageState,
  reducePage,
  snapshotOf,
} from "../state/page";
import { wellFormed } from "../text/typed";
import { Access } from "./access";
import { ChangeOutbox } from "./change-outbox";
import { CommandSender } from "./command-sender";
import { Identity } from "./identity";
import { newId } from "./ids";
import { type Intention, predict } from "./intentions";
import { PageLeader } from "./leader";
import type { LocalStore } from "./local-store";
import { availableNames, registerWithSuffix } from "./names";
import { OlderMessages } from "./older-messages";
import { Outbox } from "./outbox";
import { ReadMarkStore } from "./read-marks";
import { isListOf, isText } from "./stored";
import { watchTyping } from "./typing-expiry";

/** The version of the messages between tabs: tabs with another one, from before an update, are not in the channel. */
const CHANNEL_VERSION = 7;

export interface AppStoreOptions {
  readonly backend: Backend;
  /** Identifies the server: part of the keys in browser storage and of the name of the tabs' channel. */
  readonly scope: string;
  /** Only tabs with the same version of the page share state. */
  readonly version?: string;
  readonly localStore: LocalStore;
  readonly locks?: Pick<LockManager, "request"> | undefined;
  /** Without it, the tab shares no state. */
  readonly openChannel?: ((name: string) => BroadcastChannel) | undefined;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** What a message replies to: the id of the first one of a thread, and whether the room shows the reply, too. */
export type Reply = Pick<OutgoingMessage, "thread" | "broadcast">;

/** The page for one server: its state as signals, and what a user can do, as intentions for the leading tab. */
export class AppStore {
  readonly chat: ReadonlySignal<ChatState>;
  readonly cloud: ReadonlySignal<CloudState>;
  /** The server's clock minus this device's, in milliseconds. */
  readonly clockOffset: ReadonlySignal<number>;
  /** The servers by their names, which are unique. */
  readonly servers: ReadonlySignal<ReadonlyMap<string, Instance>>;
  readonly access: Access;
  readonly commandSender: CommandSender;
  private readonly shared: SharedStore<PageState, Action, Intention>;
  private readonly leader: PageLeader;
  private readonly identity: Identity;
  private readonly outbox: Outbox;
  private readonly typingUsers: ReadonlySignal<ChatState["typing"]>;
  private stopTypingExpiry: (() => void) | undefined;
  private readonly older: OlderMessages;
  private lastSentAt = 0;

  constructor(private readonly options: AppStoreOptions) {
    const { backend, scope, version = "", localStore, locks, openChannel, isOnline, random } = options;
    const [identity, outbox] = [new Identity(localStore, scope), new Outbox(localStore, scope)];
    const readMarks = new ReadMarkStore(localStore, scope);
    const changeOutbox = new ChangeOutbox(localStore, scope);
    const shared = new SharedStore<PageState, Action, Intention>({
      ...{ name: `opsroom:${CHANNEL_VERSION}:${version}:${scope}`, locks },
      ...{
        initial: storedState(
          { identity, outbox, readMarks, changeOutbox },
          storedDismissals(localStore, scope),
        ),
        reduce: reducePage,
        snapshotOf,
        mergeSnapshot,
        predict,
      },
      openChannel,
    });
    const { chat, cloud, view, typing, clockOffset } = signalsOf(shared.state);
    this.chat = chat;
    this.cloud = cloud;
    this.clockOffset = clockOffset;
    const instances = computed(() => cloud.value.instances);
    this.servers = computed(() => new Map([...instances.value.values()].map(one => [one.name, one])));
    this.typingUsers = typing;
    this.access = new Access(view, backend, () => this.token);
    this.leader = new PageLeader({
      ...{ store: shared, backend, identity, outbox, changeOutbox, readMarks },
      ...{ access: this.access, isOnline, random },
    });
    this.commandSender = new CommandSender({
      backend,
      token: () => this.token,
      state: () => cloud.peek(),
      clockOffset: () => clockOffset.peek(),
      logRefusal: line => shared.request({ kind: "logRefusal", line }),
    });
    this.older = new OlderMessages({
      backend,
      state: () => chat.peek(),
      token: () => this.token,
      apply: event => shared.apply({ store: "chat", event }),
    });
    this.shared = shared;
    this.identity = identity;
    this.outbox = outbox;
  }

  /** The token of our registration. */
  get token(): string | undefined {
    return this.chat.peek().token;
  }

  get isLeader(): boolean {
    return this.shared.isLeader;
  }

  start(): void {
    this.stopTypingExpiry = watchTyping(this.typingUsers, notices =>
      this.shared.apply({ store: "chat", event: { kind: "typingExpired", notices } }),
    );
    this.shared.join(this.leader);
  }

  stop(): void {
    this.stopTypingExpiry?.();
    this.shared.leave();
  }

  suspend = (): void => this.shared.suspend();

  resume = (): void => {
    this.shared.resume();
    this.wake();
  };

  /** The device or the tab may have slept: check that the leader responds, and that its connections are alive. */
  wake = (): void => {
    this.shared.resync();
    this.shared.request({ kind: "wake" });
  };

  /** Somebody has set the clock of this device: learn the server's time again. */
  onClockSet = (): void => this.shared.request({ kind: "clockSet" });
  reconnect = (): void => this.shared.request({ kind: "reconnect" });
  onOffline = (): void => this.shared.request({ kind: "goOffline" });
  /** Give up the name, on all devices. */
  leave = (): void => this.shared.request({ kind: "leave" });
  moreUsers = (): void => this.shared.request({ kind: "moreUsers" });
  typing = (room: string): void => this.shared.request({ kind: "typing", room });
  /** Have the messages of a room in memory. */
  openRoom = (room: string): void => this.shared.request({ kind: "openRoom", room });
  /** Take over what a list of the server says about rooms; only it has those that everybody is in. */
  roomViews = (rooms: readonly RoomView[]): void => this.shared.request({ kind: "roomViews", rooms });
  /** The user has read a room up to a sequence number. */
  read = (room: string, seq: number): void => this.shared.request({ kind: "read", room, seq });

  /** Register a name. Throws what the backend throws. */
  async register(name: string, proof?: string): Promise<void> {
    const registration = await this.options.backend.register(name, proof);
    this.identity.save(registration);
    this.shared.request({ kind: "signIn", registration });
  }

  /**
   * Exchange a static token or an ID token for a registration with its role. Throws what the backend throws.
   *
   * Only the registration's token is stored, because its owner can revoke it.
   */
  async signIn(proof: string): Promise<void> {
    const { name = "user" } = await this.options.backend.session(proof);
    const before = this.token;
    if (before !== undefined) {
      this.identity.remove(before);
      this.shared.request({ kind: "signOut", token: before });
      await this.access.revokeToken(before);
    }
    await registerWithSuffix(name, one => this.register(one, proof));
  }

  /**
   * Sign in with the secret of a link: an invitation, or one of the user's own for another device. Throws what the
   * backend throws; then nothing has changed. `key`: the same for each attempt with one link.
   */
  async useLink(secret: string, key: string): Promise<void> {
    const api = await this.options.backend.people();
    const { user, token } = await api.exchange(secret, key);
    const before = this.token;
    this.identity.save({ user, token });
    this.shared.request({ kind: "signIn", registration: { user, token } });
    if (before !== undefined && before !== token) await this.access.revokeToken(before);
  }

  /** Sign out on this device alone. */
  async signOutHere(): Promise<void> {
    const { token } = this;
    if (token === undefined) return;
    this.identity.remove(token);
    this.shared.request({ kind: "signOut", token });
    await this.access.revokeToken(token);
  }

  /** The candidates that no user has. */
  availableNames = (name: string, candidates: readonly string[]): Promise<readonly string[]> =>
    availableNames(this.options.backend, name, candidates);

  send(typed: string, room = ROOM, parts: Reply & Pick<OutgoingMessage, "files"> = {}): void {
    const user = this.chat.peek().me;
    if (!user) return;
    const text = wellFormed(typed);
    const item = { clientId: newId(), room, text, ...parts, at: this.nextTime(), user };
    this.outbox.save(item);
    this.shared.request({ kind: "send", item });
  }

  /** Change a message: the page shows it at once, and the log decides. */
  change(room: string, id: string, change: Change): void {
    const user = this.chat.peek().me;
    if (!user) return;
    this.shared.request({
      kind: "change",
      item: { clientId: newId(), room, id, change, at: this.nextTime(), user },
    });
  }

  /** The time now, later than the last one: the outbox sorts by it. */
  private nextTime(): number {
    this.lastSentAt = Math.max(Date.now(), this.lastSentAt + 1);
    return this.lastSentAt;
  }

  retry = (clientId: string): void => this.shared.request({ kind: "retry", clientId });

  discard(clientId: string): void {
    const item = this.chat.peek().outbox.find(one => one.clientId === clientId);
    if (item) this.outbox.remove(item);
    this.shared.request({ kind: "discard", clientId });
  }

  /** Stop showing the failures with these keys, also after a reload: of lines of the Worklog, or of servers. */
  dismissFailures(...keys: readonly string[]): void {
    const { localStore, scope } = this.options;
    const all = [...storedDismissals(localStore, scope), ...keys].slice(-DISMISSED_MAX);
    localStore.set(dismissedKey(scope), all);
    this.shared.request({ kind: "dismissFailures", keys });
  }

  /** Load the previous page of a room's history, in this tab only. Throws the error responses of the backend. */
  loadOlder = (room = ROOM): Promise<void> => this.older.load(room);
}

interface StoredParts {
  readonly identity: Identity;
  readonly outbox: Outbox;
  readonly readMarks: ReadMarkStore;
  readonly changeOutbox: ChangeOutbox;
}

/** The state that browser storage has: the user, their messages that were not sent yet, and dismissed failures. */
function storedState(
  { identity, outbox, readMarks, changeOutbox }: StoredParts,
  dismissed: readonly string[],
): PageState {
  const registration = identity.load();
  outbox.adopt(registration?.user);
  const initial = reducePage(EMPTY_PAGE, { store: "cloud", event: { kind: "dismissed", keys: dismissed } });
  const events: ChatEvent[] = registration
    ? [
        { kind: "signedIn", ...registration },
        { kind: "marks", reads: readMarks.load() },
        ...outbox.list(registration.user).map(item => ({ kind: "queued" as const, item })),
        ...changeOutbox.list(registration.user).map(item => ({ kind: "changed" as const, item })),
      ]
    : identity.discardDamaged()
      ? [{ kind: "signedOut", reason: "token_invalid" }]
      : [];
  return events.reduce((state, event) => reducePage(state, { store: "chat", event }), initial);
}

const dismissedKey = (scope: string): string => `dismissed.${scope}`;

const storedDismissals = (localStore: LocalStore, scope: string): readonly string[] =>
  localStore.get(dismissedKey(scope), isListOf(isText)) ?? [];
