interface LeaderElectionOptions {
  /** The name of the Web Lock that the leader holds. */
  readonly name: string;
  readonly locks: Pick<LockManager, "request"> | undefined;
  readonly onLead: () => void;
  /** Called when this tab leaves, and when another tab has taken over. */
  readonly onStepDown: () => void;
  /** Called after another tab has taken over: this tab follows it. */
  readonly onFollow: () => void;
}

/**
 * Leader election among the tabs of one server: the leader holds a Web Lock.
 *
 * - When the leader closes, even by a crash, the browser grants the lock to the next tab.
 * - A tab that gets no response from the leader (frozen in the background) takes over: it steals the lock.
 *
 * Without Web Locks (over plain http from another machine) every tab is its own leader.
 */
export class LeaderElection {
  private leads = false;
  private left = false;
  private releaseLock: (() => void) | undefined;

  constructor(private readonly options: LeaderElectionOptions) {}

  get isLeader(): boolean {
    return this.leads;
  }

  join(): void {
    if (this.options.locks) this.requestLock({});
    else this.lead();
  }

  takeOver(): void {
    this.requestLock({ steal: true });
  }

  leave(): void {
    this.left = true;
    this.stepDown();
    this.releaseLock?.();
  }

  private requestLock(options: LockOptions): void {
    const held = this.options.locks?.request(this.options.name, options, () => {
      if (this.left) return;
      this.lead();
      return new Promise<void>(resolve => {
        this.releaseLock = resolve;
      });
    });
    // Another tab stole the lock: step down, queue for the lock again and follow the new leader.
    held?.catch(() => {
      if (this.left) return;
      this.stepDown();
      this.requestLock({});
      this.options.onFollow();
    });
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
