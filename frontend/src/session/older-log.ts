import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Backend, CloudHistoryQuery } from "../api/backend";
import type { EventType } from "../contract/generated";
import { linesOf } from "../state/cloud/events/change";
import { type CloudState, WORKLOG_MAX, type WorklogKind, type WorklogLine } from "../state/cloud/model";

const PAGE_SIZE = 500;
/** How many pages without a line are read before the user is asked whether to go on. */
const EMPTY_PAGES_MAX = 10;

/** The part of the Worklog's filter that the server can search by; empty texts are no filter. */
export interface LogFilter {
  readonly instanceId: string;
  /** The name of who gave the command. */
  readonly actor: string;
  readonly kind: WorklogKind | "";
  /** The first and the last moment, inclusive, as the server writes them. */
  readonly from?: string;
  readonly to?: string;
}

/** What is loaded of the events before the Worklog. */
export interface EarlierLines {
  readonly lines: readonly WorklogLine[];
  /** The sequence number before which the next page ends; undefined: there are no earlier events. */
  readonly next: number | undefined;
  readonly loading: boolean;
  /** Whether the last attempt failed. */
  readonly failed: boolean;
}

/** Earlier events than those of the Worklog, by filter; each tab loads what its user looks for. */
export class OlderLog {
  /** Stop following the Worklog. */
  readonly stop: () => void;
  private readonly loaded = signal<ReadonlyMap<string, EarlierLines>>(new Map());

  constructor(
    private readonly backend: Pick<Backend, "cloudHistory">,
    private readonly cloud: ReadonlySignal<CloudState>,
    private readonly readToken: () => string | undefined,
  ) {
    // The Worklog begins elsewhere, or sequence numbers mean other events: what was loaded doesn't continue it.
    const start = computed(() => `${cloud.value.epoch} ${cloud.value.logFrom}`);
    this.stop = effect(() => {
      start.value;
      this.loaded.value = new Map();
    });
  }

  /** What is loaded for a filter. */
  of(filter: LogFilter): EarlierLines {
    const { kind } = filter;
    const { loaded, logFrom } = this.cloud.value;
    const found = this.loaded.value.get(keyOf(filter));
    // The server knows nothing of the commands that it refused.
    const isComplete = !loaded || logFrom <= 1 || kind === "refused";
    return found ?? { lines: [], next: isComplete ? undefined : logFrom, loading: false, failed: false };
  }

  /** Load earlier events that match, until there are some or a limit is reached. */
  async load(filter: LogFilter): Promise<void> {
    const before = this.of(filter);
    if (before.loading) return;
    let current: EarlierLines = { ...before, loading: true, failed: false };
    this.store(filter, current);
    const { epoch, logFrom } = this.cloud.peek();
    try {
      for (let pages = 0; pages < EMPTY_PAGES_MAX && current.next !== undefined; pages += 1) {
        const page = await this.backend.cloudHistory(queryOf(filter, current.next), this.readToken());
        const now = this.cloud.peek();
        if (now.epoch !== epoch || now.logFrom !== logFrom) return;
        if (page.epoch !== undefined && epoch !== undefined && page.epoch !== epoch)
          throw new Error("the page is of another epoch");
        const lines = linesOf(page.events, new Map()).map(({ line }) => line);
        current = { ...current, lines: [...lines, ...current.lines], next: page.next };
        if (page.events.length > 0) break;
      }
      this.store(filter, { ...current, loading: false });
    } catch {
      this.store(filter, { ...current, loading: false, failed: true });
    }
  }

  /** Load all earlier events that match; returns whether they are all there, or only the latest. */
  async loadAll(filter: LogFilter): Promise<boolean> {
    for (let { next, lines } = this.of(filter); next !== undefined; { next, lines } = this.of(filter)) {
      if (lines.length + this.cloud.peek().worklog.length >= WORKLOG_MAX) return false;
      await this.load(filter);
      const now = this.of(filter);
      if (now.failed || now.next === next) return now.next === undefined;
    }
    return true;
  }

  private store(filter: LogFilter, earlier: EarlierLines): void {
    this.loaded.value = new Map(this.loaded.peek()).set(keyOf(filter), earlier);
  }
}

const keyOf = ({ instanceId, actor, kind, from, to }: LogFilter): string =>
  `${instanceId} ${kind} ${from} ${to} ${actor}`;

const queryOf = ({ instanceId, actor, kind, from, to }: LogFilter, before: number): CloudHistoryQuery => ({
  before,
  limit: PAGE_SIZE,
  ...(instanceId ? { instance: instanceId } : {}),
  ...(actor ? { actor } : {}),
  ...(kind ? { type: kind as EventType } : {}),
  ...(from ? { from } : {}),
  ...(to ? { to } : {}),
});
