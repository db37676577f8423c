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
const ANSWER_WITHIN_MS = 2_500;

export interface TabGroupOptions<Event, State, Request> {
  readonly name: string;
  readonly apply: (event: Event) => void;
  readonly snapshot: () => State;
  readonly restore: (state: State) => void;
  /** Become the leader; the returned function steps down. */
  readonly lead: () => () => void;
  /** Only the leader is asked. */
  readonly serve: (request: Request) => void;
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly openChannel: (name: string) => BroadcastChannel;
}

type Letter<Event, State, Request> =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "request"; readonly request: Request }
  | { readonly kind: "ask"; readonly from: string }
  | { readonly kind: "snapshot"; readonly to: string; readonly state: State };

export class TabGroup<Event, State, Request> {
  private readonly id = Math.random().toString(36).slice(2);
  private readonly channel: BroadcastChannel | undefined;
  private leading = false;
  private stepDown: (() => void) | undefined;
  private release: (() => void) | undefined;
  /** Until a snapshot has come, events would be applied to a state that they don't follow from. */
  private inStep = false;
  private closed = false;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: TabGroupOptions<Event, State, Request>) {
    this.channel = options.locks && options.openChannel(options.name);
    this.channel?.addEventListener("message", message => this.receive(message.data));
  }

  get leads(): boolean {
    return this.leading;
  }

  join(): void {
    if (!this.options.locks) return this.takeLead();
    this.queueForLead({});
    this.resync();
  }

  leave(): void {
    this.closed = true;
    clearTimeout(this.patience);
    this.dropLead();
    this.channel?.close();
    this.release?.();
  }

  /** Something happened: tell it to every tab, this one first. */
  publish(event: Event): void {
    this.options.apply(event);
    this.post({ kind: "event", event });
  }

  /** Ask the leader, whoever it is, to do something. */
  request(request: Request): void {
    if (this.leads) this.options.serve(request);
    else this.post({ kind: "request", request });
  }

  /** Ask the leader for the whole state, and take its place if it doesn't answer. */
  resync(): void {
    if (this.leads || this.closed) return;
    this.post({ kind: "ask", from: this.id });
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.queueForLead({ steal: true }), ANSWER_WITHIN_MS);
  }

  private queueForLead(how: LockOptions): void {
    const held = this.options.locks?.request(this.options.name, how, () => {
      if (this.closed) return;
      this.takeLead();
      return new Promise<void>(resolve => {
        this.release = resolve;
      });
    });
    // A stolen lock ends its holder's request with an error: follow the thief, and stand in line again.
    held?.catch(() => {
      if (this.closed) return;
      this.dropLead();
      this.queueForLead({});
      this.resync();
    });
  }

  private takeLead(): void {
    clearTimeout(this.patience);
    if (this.leading) return;
    this.inStep = true;
    this.leading = true;
    this.stepDown = this.options.lead();
  }

  private dropLead(): void {
    // First the mark, then the work: what the ending connections say must not reach the tabs of the next leader.
    this.leading = false;
    this.stepDown?.();
    this.stepDown = undefined;
  }

  private receive(letter: Letter<Event, State, Request>): void {
    const { apply, restore, serve, snapshot } = this.options;
    if (letter.kind === "event" && this.inStep) apply(letter.event);
    if (letter.kind === "request" && this.leads) serve(letter.request);
    if (letter.kind === "ask" && this.leads)
      this.post({ kind: "snapshot", to: letter.from, state: snapshot() });
    if (letter.kind === "snapshot" && letter.to === this.id && !this.leads) {
      clearTimeout(this.patience);
      this.inStep = true;
      restore(letter.state);
    }
  }

  private post(letter: Letter<Event, State, Request>): void {
    if (!this.closed) this.channel?.postMessage(letter);
  }
}
