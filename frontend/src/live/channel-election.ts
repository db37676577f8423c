/** How long a tab waits for objections before it leads. */
const CLAIM_MS = 250;
/** How long a tab waits for a sign of the leader before it claims to lead. */
const RESPONSE_MS = 2_500;
/** How often the tabs ask whether the leader still exists: it may have crashed. */
const CHECK_MS = 5_000;

/** `term`: when the tab began to lead, in Unix milliseconds. */
type ElectionMessage =
  | { readonly kind: "claim" | "who" | "bye"; readonly from: string }
  | { readonly kind: "lead"; readonly from: string; readonly term: number };

interface ChannelElectionOptions {
  readonly channel: BroadcastChannel;
  readonly onLead: () => void;
  /** Called when another tab has taken over, and when this tab is suspended. */
  readonly onStepDown: () => void;
}

const randomId = (): string => Math.random().toString(36).slice(2);

/**
 * Leader election by messages, for browsers that have no Web Locks for the page: over plain http, or with blocked data.
 *
 * - A tab claims to lead. It leads unless a leader or a claim with a smaller id objects in time.
 * - A leader that closes says so. The others also ask regularly whether it exists.
 * - If there are two leaders, because one was suspended, the later one stays.
 *
 * Leaders only respond to messages, because browsers delay the timers of tabs in the background.
 */
export class ChannelElection {
  private readonly id = randomId();
  private phase: "out" | "following" | "claiming" | "leading" = "out";
  /** The term of the last known leader. */
  private term = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: ChannelElectionOptions) {
    options.channel.addEventListener("message", message => this.receive(message.data));
  }

  join(): void {
    if (this.phase === "out") this.claim();
  }

  /** Lead, unless the leader objects: it didn't respond to something else. */
  takeOver(): void {
    if (this.phase === "following") this.claim();
  }

  /** Lead, whatever the others say: this tab has the lock. */
  overrule(): void {
    if (this.phase !== "leading") this.lead();
  }

  /** Don't take part until `join`. */
  suspend(): void {
    const led = this.phase === "leading";
    this.become("out");
    if (!led) return;
    this.options.onStepDown();
    this.post({ kind: "bye", from: this.id });
  }

  leave(): void {
    this.suspend();
    this.options.channel.close();
  }

  private claim(): void {
    this.become("claiming", () => this.lead(), CLAIM_MS);
    this.post({ kind: "claim", from: this.id });
  }

  private lead(): void {
    this.become("leading");
    this.term = Math.max(Date.now(), this.term + 1);
    this.announce();
    this.options.onLead();
  }

  private follow(checkAfterMs: number): void {
    this.become("following", () => this.ask(), checkAfterMs);
  }

  private ask(): void {
    this.become("following", () => this.claim(), RESPONSE_MS);
    this.post({ kind: "who", from: this.id });
  }

  private become(phase: ChannelElection["phase"], next?: () => void, afterMs = 0): void {
    clearTimeout(this.timer);
    this.phase = phase;
    // Spread, so that one tab asks and the others get the response, too.
    if (next) this.timer = setTimeout(next, afterMs * (phase === "following" ? 0.8 + Math.random() / 2 : 1));
  }

  private receive(message: ElectionMessage): void {
    if (this.phase === "out" || message.from === this.id) return;
    switch (message.kind) {
      case "lead":
        return this.onOtherLeads(message.from, message.term);
      case "claim":
        if (this.phase === "leading") return this.announce();
        if (this.phase !== "claiming") return;
        if (this.id < message.from) return this.post({ kind: "claim", from: this.id });
        return this.follow(RESPONSE_MS);
      case "who":
        if (this.phase === "leading") this.announce();
        return;
      case "bye":
        if (this.phase === "following") this.claim();
        return;
      default:
        message satisfies never;
    }
  }

  private onOtherLeads(from: string, term: number): void {
    const led = this.phase === "leading";
    const isStale = term < this.term || (led && term === this.term && this.id < from);
    if (isStale) {
      if (led) this.announce();
      return;
    }
    this.term = term;
    this.follow(CHECK_MS);
    if (led) this.options.onStepDown();
  }

  private announce(): void {
    this.post({ kind: "lead", from: this.id, term: this.term });
  }

  private post(message: ElectionMessage): void {
    this.options.channel.postMessage(message);
  }
}
