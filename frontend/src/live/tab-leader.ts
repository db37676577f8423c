/** How long a tab waits for the leader's snapshot before it takes over. */
const ANSWER_TIMEOUT_MS = 2_500;

export interface TabLeaderOptions<Event, State, Request> {
  readonly name: string;
  readonly apply: (event: Event) => void;
  readonly snapshot: () => State;
  readonly restore: (state: State) => void;
  /** Called when this tab becomes the leader; the returned function is called when it steps down. */
  readonly onLead: () => () => void;
  /** Called on the leader only. */
  readonly handleRequest: (request: Request) => void;
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly openChannel: (name: string) => BroadcastChannel;
}

type Message<Event, State, Request> =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "ask"; readonly from: string }
  | { readonly kind: "snapshot"; readonly to: string; readonly state: State };

/**
 * Leader election among the tabs of one server, with state replication. The leader holds a Web Lock and the
 * connections, so that a browser has one live stream. Every tab has a replica of the state:
 *
 * - Any tab can publish an event, and every tab applies it. Events are idempotent.
 * - A new tab requests a snapshot from the leader. Messages are ordered, so it misses nothing after the snapshot.
 * - When the leader closes, the browser grants the lock to the next tab, which resumes from its replica.
 * - If the leader doesn't respond (frozen in the background), the requesting tab steals the lock.
 *
 * Without Web Locks (over plain http from another machine) every tab is its own leader.
 */
export class TabLeader<Event, State, Request> {
  private readonly id = Math.random().toString(36).slice(2);
  private readonly channel: BroadcastChannel | undefined;
  private leader = false;
  private stopLeading: (() => void) | undefined;
  private releaseLock: (() => void) | undefined;
  /** Whether a snapshot has been applied: events before it belong to a state that this tab doesn't have. */
  private synced = false;
  private closed = false;
  private answerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: TabLeaderOptions<Event, State, Request>) {
    this.channel = options.locks && options.openChannel(options.name);
    this.channel?.addEventListener("message", message => this.receive(message.data));
  }

  get isLeader(): boolean {
    return this.leader;
  }

  join(): void {
    if (!this.options.locks) return this.becomeLeader();
    this.requestLock({});
    this.resync();
  }

  leave(): void {
    this.closed = true;
    clearTimeout(this.answerTimer);
    this.stepDown();
    this.channel?.close();
    this.releaseLock?.();
  }

  /** Apply an event in every tab, in this one first. */
  publish(event: Event): void {
    this.options.apply(event);
    this.post({ kind: "event", event });
  }

  /** Have the leader handle a request. */
  request(request: Request): void {
    if (this.isLeader) this.options.handleRequest(request);
    else this.post({ kind: "request", request });
  }

  /** Request a snapshot from the leader, and take over if it doesn't respond. */
  resync(): void {
    if (this.isLeader || this.closed) return;
    this.post({ kind: "ask", from: this.id });
    clearTimeout(this.answerTimer);
    this.answerTimer = setTimeout(() => this.requestLock({ steal: true }), ANSWER_TIMEOUT_MS);
  }

  private requestLock(options: LockOptions): void {
    const held = this.options.locks?.request(this.options.name, options, () => {
      if (this.closed) return;
      this.becomeLeader();
      return new Promise<void>(resolve => {
        this.releaseLock = resolve;
      });
    });
    // Another tab stole the lock: step down, queue for the lock again and follow the new leader.
    held?.catch(() => {
      if (this.closed) return;
      this.stepDown();
      this.requestLock({});
      this.resync();
    });
  }

  private becomeLeader(): void {
    clearTimeout(this.answerTimer);
    if (this.leader) return;
    this.synced = true;
    this.leader = true;
    this.stopLeading = this.options.onLead();
  }

  private stepDown(): void {
    // Clear the flag first: events of the closing connections must not reach the tabs of the next leader.
    this.leader = false;
    this.stopLeading?.();
    this.stopLeading = undefined;
  }

  private receive(message: Message<Event, State, Request>): void {
    const { apply, restore, handleRequest, snapshot } = this.options;
    if (message.kind === "event" && this.synced) apply(message.event);
    if (message.kind === "request" && this.isLeader) handleRequest(message.request);
    if (message.kind === "ask" && this.isLeader)
      this.post({ kind: "snapshot", to: message.from, state: snapshot() });
    if (message.kind === "snapshot" && message.to === this.id && !this.isLeader) {
      clearTimeout(this.answerTimer);
      this.synced = true;
      restore(message.state);
    }
  }

  private post(message: Message<Event, State, Request>): void {
    if (!this.closed) this.channel?.postMessage(message);
  }
}
