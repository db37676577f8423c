import type { Backend, CloudStream } from "../api/backend";
import { type CloudEvent, CREATING } from "../contract/generated";
import { isOfOtherEpoch } from "../state/cloud/events/list";
import type { CloudState, CloudStateEvent } from "../state/cloud/model";
import { Batcher } from "./batcher";
import type { PageStore } from "./page-store";
import { Reconnector } from "./reconnector";
import { SilenceWatch } from "./silence-watch";

/** How many past events a first visit loads into the Worklog. */
const BACKFILL = 2_000;

interface CloudConnectionOptions {
  readonly backend: Backend;
  /** Whether the user may see the servers; called before each connection. Throws what the backend throws. */
  readonly mayFollow: () => Promise<boolean>;
  /** The token for reads: undefined if reads are public. */
  readonly readToken: () => string | undefined;
  readonly store: PageStore;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** Whether an event of an older server doesn't contain the instance that it leaves. */
function lacksInstance({ type, command, instance }: CloudEvent): boolean {
  const ended = ["cancelled", "failed", "denied", "expired"].includes(type);
  const isUndone = ended && command !== undefined && CREATING.includes(command);
  return instance === undefined && type !== "removed" && !isUndone;
}

/** A cloud connection that reconnects: loads the list of instances, then follows the events after it. */
export class CloudConnection {
  private stream: CloudStream | undefined;
  /** The number of the current attempt: responses to earlier attempts are ignored. */
  private attempt = 0;
  private backfill = BACKFILL;
  private readonly reconnector: Reconnector;
  private readonly changes: Batcher<CloudEvent>;
  private readonly silence = new SilenceWatch(() => this.onSilence());

  constructor(private readonly options: CloudConnectionOptions) {
    this.changes = new Batcher(events => this.dispatch({ kind: "changes", events }));
    this.reconnector = new Reconnector({
      connect: () => void this.connect(),
      disconnect: () => this.disconnect(),
      report: connection => this.dispatch({ kind: "connection", connection }),
      ...(options.isOnline ? { isOnline: options.isOnline } : {}),
      ...(options.random ? { random: options.random } : {}),
    });
  }

  start = (): void => this.reconnector.start();
  stop = (): void => this.reconnector.stop();
  retryNow = (): void => this.reconnector.retryNow();
  onOffline = (): void => this.reconnector.onOffline();
  wake = (): void => this.silence.wake();

  private state(): CloudState {
    return this.options.store.state.peek().cloud;
  }

  private dispatch(event: CloudStateEvent): void {
    this.options.store.dispatch({ store: "cloud", event });
  }

  private async connect(): Promise<void> {
    const { mayFollow, backend, readToken } = this.options;
    const attempt = ++this.attempt;
    try {
      const allowed = await mayFollow();
      if (attempt !== this.attempt) return;
      if (!allowed) return this.reconnector.pause();
      if (!this.state().loaded) {
        const list = await backend.instances(readToken());
        if (attempt !== this.attempt) return;
        if (isOfOtherEpoch(this.state(), list)) this.backfill = BACKFILL;
        this.dispatch({ kind: "list", list, backfill: this.backfill });
      }
    } catch {
      if (attempt === this.attempt) this.reconnector.lost();
      return;
    }
    const listener = {
      onOpen: () => this.reconnector.opened(),
      onAlive: () => this.silence.heard(),
      onChanges: (events: readonly CloudEvent[]) => {
        this.changes.add(events);
        if (events.some(lacksInstance)) this.startOver();
      },
      onReset: () => this.startOver(),
      onClose: (retryAfterMs?: number) => {
        this.silence.stop();
        // The next stream resumes after the last event that was passed on.
        this.changes.flush();
        this.reconnector.lost(retryAfterMs);
      },
    };
    this.silence.start();
    this.stream = backend.openCloud(this.state(), listener, readToken());
  }

  /**
   * Load the list again and follow from its sequence. A backfill would only cause another reset, unless the list is of
   * another epoch: then that was the reason.
   */
  private startOver(): void {
    this.backfill = 0;
    this.changes.flush();
    this.dispatch({ kind: "reset" });
    this.reconnector.restart();
  }

  /** The stream is dead, although nothing has closed it. */
  private onSilence(): void {
    this.disconnect();
    this.reconnector.lost();
  }

  private disconnect(): void {
    this.attempt += 1;
    this.silence.stop();
    this.changes.flush();
    this.stream?.close();
    this.stream = undefined;
  }
}
