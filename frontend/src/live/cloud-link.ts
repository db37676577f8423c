import type { Backend, CloudConnection } from "../api/backend";
import type { CloudState, CloudStateEvent } from "../state/cloud/model";
import { Reconnector } from "./reconnector";

/** How far back in the stream a first visit looks, to show what has happened lately. */
const BACKFILL = 2_000;

interface CloudLinkOptions {
  readonly backend: Backend;
  readonly state: () => CloudState;
  readonly publish: (event: CloudStateEvent) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** Keeps one stream of cloud events alive: the list first, then everything after it. */
export class CloudLink {
  private connection: CloudConnection | undefined;
  /** Counts attempts, so that an answer to an earlier one is known as late. */
  private attempt = 0;
  private backfill = BACKFILL;
  private readonly reconnector: Reconnector;

  constructor(private readonly options: CloudLinkOptions) {
    this.reconnector = new Reconnector({
      connect: () => void this.connect(),
      disconnect: () => this.disconnect(),
      report: link => options.publish({ kind: "link", link }),
      ...(options.isOnline ? { isOnline: options.isOnline } : {}),
      ...(options.random ? { random: options.random } : {}),
    });
  }

  start = (): void => this.reconnector.start();
  stop = (): void => this.reconnector.stop();
  retryNow = (): void => this.reconnector.retryNow();
  wentOffline = (): void => this.reconnector.wentOffline();

  private async connect(): Promise<void> {
    const { backend, state, publish } = this.options;
    const attempt = ++this.attempt;
    if (!state().loaded) {
      try {
        const list = await backend.instances();
        if (attempt !== this.attempt) return;
        publish({ kind: "list", list, backfill: this.backfill });
      } catch {
        if (attempt === this.attempt) this.reconnector.lost();
        return;
      }
    }
    this.connection = backend.openCloud(state().seq, {
      onOpen: () => this.reconnector.opened(),
      onChanges: events => publish({ kind: "changes", events }),
      onReset: () => this.startOver(),
      onClose: () => this.reconnector.lost(),
    });
  }

  /** Fetch the list again and follow from exactly there: looking back further would only be refused again. */
  private startOver(): void {
    this.backfill = 0;
    this.options.publish({ kind: "reset" });
    this.reconnector.retryNow();
  }

  private disconnect(): void {
    this.attempt += 1;
    this.connection?.close();
    this.connection = undefined;
  }
}
