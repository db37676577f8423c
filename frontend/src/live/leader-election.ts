import { ChannelElection } from "./channel-election";

interface LeaderElectionOptions {
  /** The name of the Web Lock that the leader holds, and of the channel for elections without locks. */
  readonly name: string;
  readonly locks: Pick<LockManager, "request"> | undefined;
  /** Undefined if the browser has no channels between tabs. */
  readonly openChannel: ((name: string) => BroadcastChannel | undefined) | undefined;
  readonly onLead: () => void;
  /** Called when this tab leaves, and when another tab has taken over. */
  readonly onStepDown: () => void;
  /** Called after another tab has taken over: this tab follows it. */
  readonly onFollow: () => void;
}

/** The delay before a tab queues for a lock that was stolen from it, so that two tabs can't keep stealing it. */
const REQUEUE_MS = 500;

/** How long a tab waits for a lock that it steals. Browsers grant it at once, but some never respond. */
const STEAL_TIMEOUT_MS = 2_500;

const isStolen = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

/**
 * Leader election among the tabs of one server: the leader holds a Web Lock.
 *
 * - When the leader closes, even by a crash, the browser grants the lock to the next tab.
 * - A tab that gets no response from the leader (frozen in the background) takes over: it steals the lock.
 *
 * Without Web Locks (over plain http from another machine, or if the user blocks site data) the tabs elect the leader
 * by messages, and so they do if the browser doesn't even grant a lock that is stolen. If it grants one later, its
 * holder leads. Without channels, too, every tab is its own leader.
 */
export class LeaderElection {
  private leads = false;
  private left = false;
  private releaseLock: (() => void) | undefined;
  private requeueTimer: ReturnType<typeof setTimeout> | undefined;
  private stealTimer: ReturnType<typeof setTimeout> | undefined;
  private byMessages: ChannelElection | undefined;

  constructor(private readonly options: LeaderElectionOptions) {}

  get isLeader(): boolean {
    return this.leads;
  }

  join(): void {
    if (this.options.locks && this.options.openChannel) this.requestLock({});
    else this.joinByMessages();
  }

  takeOver(): void {
    if (this.byMessages) return this.byMessages.takeOver();
    clearTimeout(this.stealTimer);
    this.stealTimer = setTimeout(() => this.joinByMessages(), STEAL_TIMEOUT_MS);
    this.requestLock({ steal: true });
  }

  leave(): void {
    this.left = true;
    clearTimeout(this.requeueTimer);
    clearTimeout(this.stealTimer);
    this.stepDown();
    this.releaseLock?.();
    this.byMessages?.leave();
  }

  /** The browser may suspend or discard the page: let another tab lead. */
  suspend(): void {
    this.byMessages?.suspend();
  }

  /** The page is back after `suspend`. */
  resume(): void {
    this.byMessages?.join();
  }

  private requestLock(options: LockOptions): void {
    this.holdLock(options).catch(error => {
      if (this.left) return;
      if (!isStolen(error)) return this.joinByMessages();
      this.byMessages?.leave();
      this.byMessages = undefined;
      this.stepDown();
      clearTimeout(this.requeueTimer);
      this.requeueTimer = setTimeout(() => this.requestLock({}), REQUEUE_MS);
      this.options.onFollow();
    });
  }

  private async holdLock(options: LockOptions): Promise<void> {
    await this.options.locks?.request(this.options.name, options, () => {
      if (this.left) return;
      clearTimeout(this.stealTimer);
      this.byMessages?.overrule();
      this.lead();
      return new Promise<void>(resolve => {
        this.releaseLock = resolve;
      });
    });
  }

  private joinByMessages(): void {
    clearTimeout(this.stealTimer);
    if (this.byMessages) return;
    const channel = this.options.openChannel?.(`${this.options.name}:election`);
    if (!channel) return this.lead();
    this.byMessages = new ChannelElection({
      channel,
      onLead: () => this.lead(),
      onStepDown: () => {
        this.stepDown();
        this.releaseLock?.();
        if (!this.left) this.options.onFollow();
      },
    });
    this.byMessages.join();
  }

  private lead(): void {
    if (this.leads) return;
    this.leads = true;
    this.options.onLead();
  }

  private stepDown(): void {
    // Clear the flag first: actions of the closing connections must not reach the tabs of the next leader.
    const led = this.leads;
    this.leads = false;
    if (led) this.options.onStepDown();
  }
}
