import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { LeaderElection } from "./leader-election";

/** How long a tab waits for the leader's snapshot before it takes over. */
const SNAPSHOT_TIMEOUT_MS = 2_500;
/** How many handled intentions are remembered: more than tabs can send while the leader changes. */
const HANDLED_MAX = 200;

/** What the leading tab does besides reducing. */
export interface Leader<State, Action, Intention> {
  start(): void;
  stop(): void;
  /** Do what the user of any tab asked for. */
  handle(intention: Intention): void;
  /** Called after an action was reduced and broadcast. */
  onAction(action: Action, before: State, after: State): void;
}

interface SharedStoreOptions<State, Action, Intention> {
  /** The name of the channel and of the leader's lock. */
  readonly name: string;
  readonly initial: State;
  /** Must be pure and idempotent. */
  readonly reduce: (state: State, action: Action) => State;
  /** The part of the leader's state that a new tab gets. */
  readonly snapshotOf: (state: State) => State;
  readonly mergeSnapshot: (snapshot: State, local: State) => State;
  /** The change of the state that an intention leads to, if any. */
  readonly predict: (intention: Intention) => Action | undefined;
  readonly locks: Pick<LockManager, "request"> | undefined;
  /** Undefined: this tab shares nothing. */
  readonly openChannel: ((name: string) => BroadcastChannel) | undefined;
}

/** A message between tabs; `from`, `to` and the `id` of a tab are random. */
type TabMessage<State, Action, Intention> =
  | { readonly kind: "leading"; readonly from: string }
  | { readonly kind: "action"; readonly from: string; readonly action: Action }
  | { readonly kind: "intention"; readonly id: string; readonly intention: Intention }
  | { readonly kind: "handled"; readonly id: string }
  | { readonly kind: "ask"; readonly from: string }
  | { readonly kind: "snapshot"; readonly from: string; readonly to: string; readonly state: State };

/** Open channels with `open`; undefined for one that the browser denies. */
const guarded = (open: (name: string) => BroadcastChannel) => (name: string) => {
  try {
    return open(name);
  } catch {
    return undefined;
  }
};

const randomId = (): string => Math.random().toString(36).slice(2);

/**
 * The state that the tabs of one server share. The leading tab reduces each action and broadcasts it; the other tabs
 * mirror its state by applying the same actions in the same order.
 *
 * - A follower sends intentions to the leader. It shows the predicted change at once, and sends the intention again to
 *   a new leader if the old one didn't confirm it. Leaders handle each intention once.
 * - A new tab asks the leader for a snapshot. Messages are ordered, so it misses nothing after the snapshot.
 * - A new leader continues from its mirror.
 * - If the leader doesn't send a snapshot in time, the tab that asked takes over. Actions of a tab that no longer leads
 *   and doesn't know it yet are ignored.
 */
export class SharedStore<State, Action, Intention> {
  private readonly id = randomId();
  private readonly current: Signal<State>;
  private readonly channel: BroadcastChannel | undefined;
  private readonly election: LeaderElection;
  private leader: Leader<State, Action, Intention> | undefined;
  /** The tab whose actions this tab applies; undefined until it has a state to apply them to. */
  private leaderId: string | undefined;
  /** Intentions of this tab that the leader hasn't confirmed, by their ids. */
  private readonly pending = new Map<string, Intention>();
  /** The ids of the last intentions that a leader has handled; a tab that isn't sure sends an intention again. */
  private readonly handled = new Set<string>();
  private snapshotTimer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(private readonly options: SharedStoreOptions<State, Action, Intention>) {
    const { name, locks, initial } = options;
    const openChannel = options.openChannel && guarded(options.openChannel);
    this.current = signal(initial);
    this.channel = openChannel?.(name);
    this.channel?.addEventListener("message", message => this.receive(message.data));
    this.election = new LeaderElection({
      ...{ name, locks, openChannel: this.channel && openChannel },
      onLead: () => this.onLead(),
      onStepDown: () => this.onStepDown(),
      onFollow: () => this.resync(),
    });
  }

  get state(): ReadonlySignal<State> {
    return this.current;
  }

  get isLeader(): boolean {
    return this.election.isLeader;
  }

  /** Follow the leading tab; `leader` is what this tab does when it leads. */
  join(leader: Leader<State, Action, Intention>): void {
    this.leader = leader;
    this.election.join();
    this.resync();
  }

  leave(): void {
    this.closed = true;
    clearTimeout(this.snapshotTimer);
    this.election.leave();
    this.channel?.close();
  }

  /** The browser may suspend or discard this tab: let another one lead. */
  suspend(): void {
    this.election.suspend();
    clearTimeout(this.snapshotTimer);
  }

  /** This tab is back after `suspend`. */
  resume(): void {
    this.election.resume();
    this.resync();
  }

  /** Reduce an action and broadcast it. Only the leader does; the next one reads from the server what it needs. */
  dispatch(action: Action): void {
    if (!this.isLeader) return;
    const before = this.current.peek();
    this.apply(action);
    this.post({ kind: "action", from: this.id, action });
    this.leader?.onAction(action, before, this.current.peek());
  }

  /** Have the leader handle an intention of the user. */
  request(intention: Intention): void {
    if (this.isLeader) return this.leader?.handle(intention);
    const id = randomId();
    const action = this.options.predict(intention);
    if (action) {
      this.pending.set(id, intention);
      this.apply(action);
    }
    this.post({ kind: "intention", id, intention });
  }

  /** Apply an action in this tab only. */
  apply(action: Action): void {
    this.current.value = this.options.reduce(this.current.peek(), action);
  }

  /** Ask the leader for a snapshot, and take over if there is no response. */
  resync(): void {
    if (this.isLeader || this.closed) return;
    this.post({ kind: "ask", from: this.id });
    clearTimeout(this.snapshotTimer);
    this.snapshotTimer = setTimeout(() => this.election.takeOver(), SNAPSHOT_TIMEOUT_MS);
  }

  private onLead(): void {
    clearTimeout(this.snapshotTimer);
    this.leaderId = this.id;
    this.post({ kind: "leading", from: this.id });
    this.leader?.start();
    for (const [id, intention] of [...this.pending]) this.handle(id, intention);
  }

  private handle(id: string, intention: Intention): void {
    if (!this.handled.has(id)) this.leader?.handle(intention);
    this.confirm(id);
    this.post({ kind: "handled", id });
  }

  private confirm(id: string): void {
    this.pending.delete(id);
    this.handled.add(id);
    const [oldest] = this.handled;
    if (this.handled.size > HANDLED_MAX && oldest !== undefined) this.handled.delete(oldest);
  }

  private onStepDown(): void {
    this.leaderId = undefined;
    this.leader?.stop();
  }

  private receive(message: TabMessage<State, Action, Intention>): void {
    switch (message.kind) {
      case "leading":
        return this.follow(message.from);
      case "action":
        if (message.from === this.leaderId) this.apply(message.action);
        return;
      case "intention":
        if (this.isLeader) this.handle(message.id, message.intention);
        return;
      case "handled":
        return this.confirm(message.id);
      case "ask":
        if (this.isLeader) this.sendSnapshot(message.from);
        return;
      case "snapshot":
        if (message.to === this.id && !this.isLeader) this.restore(message.from, message.state);
        return;
      default:
        message satisfies never;
    }
  }

  /** Another tab has begun to lead. */
  private follow(leaderId: string): void {
    // A tab that held the lock and lost it learns that from the election.
    if (this.isLeader) return;
    if (this.leaderId === undefined) this.resync();
    else this.leaderId = leaderId;
    for (const [id, intention] of this.pending) this.post({ kind: "intention", id, intention });
  }

  private sendSnapshot(to: string): void {
    const state = this.options.snapshotOf(this.current.peek());
    this.post({ kind: "snapshot", from: this.id, to, state });
  }

  private restore(leaderId: string, snapshot: State): void {
    clearTimeout(this.snapshotTimer);
    this.leaderId = leaderId;
    const { mergeSnapshot, predict, reduce } = this.options;
    let state = mergeSnapshot(snapshot, this.current.peek());
    for (const intention of this.pending.values()) {
      const action = predict(intention);
      if (action) state = reduce(state, action);
    }
    this.current.value = state;
  }

  private post(message: TabMessage<State, Action, Intention>): void {
    if (!this.closed) this.channel?.postMessage(message);
  }
}
