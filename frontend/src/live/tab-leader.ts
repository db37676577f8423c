/**
 * One live stream per browser. Of all tabs on one server, one leads: it holds a lock, and with it the
 * connections. Every tab keeps its own replica of the state, fed by the same events:
 *
 * - whoever learns something publishes an event; each tab applies it, and applying twice does no harm;
 * - a tab that comes asks, and the leader answers with its whole state; what follows comes in order
 *   after it, so nothing is missed between;
 * - when the leader goes, the browser hands the lock to the next tab, which resumes from its own replica;
 * - a leader that doesn't answer (frozen in the background) loses the lock to the tab that asked.
 *
 * Without locks (plain http to another machine has none) every tab leads itself, alone.
 */
const ANSWER_TIMEOUT_MS = 2_500;

export interface TabLeaderOptions<Event, State, Request> {
  readonly name: string;
  readonly apply: (event: Event) => void;
  readonly snapshot: () => State;
  readonly restore: (state: State) => void;
  /** Become the leader; the returned function steps down. */
  readonly onLead: () => () => void;
  /** Only the leader is asked. */
  readonly handleRequest: (request: Request) => void;
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly openChannel: (name: string) => BroadcastChannel;
}

type Message<Event, State, Request> =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "ask"; readonly from: string }
  | { readonly kind: "snapshot"; readonly to: string; readonly state: State };

export class TabLeader<Event, State, Request> {
  private readonly id = Math.random().toString(36).slice(2);
  private readonly channel: BroadcastChannel | undefined;
  private leader = false;
  private stopLeading: (() => void) | undefined;
  private releaseLock: (() => void) | undefined;
  /** Until a snapshot has come, events would be applied to a state that they don't follow from. */
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

  /** Something happened: tell it to every tab, this one first. */
  publish(event: Event): void {
    this.options.apply(event);
    this.post({ kind: "event", event });
  }

  /** Ask the leader, whoever it is, to do something. */
  request(request: Request): void {
    if (this.isLeader) this.options.handleRequest(request);
    else this.post({ kind: "request", request });
  }

  /** Ask the leader for the whole state, and take its place if it doesn't answer. */
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
    // A stolen lock ends its holder's request with an error: follow the thief, and stand in line again.
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
    // First the mark, then the work: what the ending connections say must not reach the tabs of the next leader.
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
