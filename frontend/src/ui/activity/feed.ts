import { signal } from "@preact/signals";
import type { AuditQuery, Backend, CloudHistoryQuery } from "../../api/backend";
import type { AuditRecord, CloudEvent } from "../../contract/generated";
import type { TimeRange } from "../../text/days";
import { type Filters, isAuditKind, isEventKind, rangeOf, showsAudit } from "./filters";

const PAGE_SIZE = 200;
/** How many pages without an entry are read before the user is asked whether to go on. */
const EMPTY_PAGES_MAX = 10;

/** Something that happened: an event of a server, or an entry of the audit log. */
export type Entry = { readonly key: string; readonly at: string } & (
  | { readonly kind: "event"; readonly event: CloudEvent }
  | { readonly kind: "audit"; readonly record: AuditRecord }
);

export interface FeedState {
  /** The latest first; none is missing between them. */
  readonly entries: readonly Entry[];
  /** Whether there may be earlier ones. */
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  /** Whether the last attempt failed. */
  readonly hasFailed: boolean;
}

/** A page of entries in ascending order, and where the one before it ends. */
interface Page {
  readonly entries: readonly Entry[];
  /** The time back to which nothing is missing; undefined if the page doesn't say. */
  readonly oldest: string | undefined;
  readonly next: number | undefined;
}

/** One of the logs that the feed merges, and how far it is read. */
interface Source {
  readonly read: (before: number | undefined) => Promise<Page>;
  entries: readonly Entry[];
  next: number | undefined;
  hasMore: boolean;
  oldest: string | undefined;
}

export interface FeedOptions {
  readonly backend: Pick<Backend, "cloudHistory" | "audit">;
  readonly token: () => string | undefined;
  readonly filters: Filters;
  /** Whether to include the audit log. */
  readonly hasAudit: boolean;
}

/** What happened, merged from the history of servers and the audit log, a page at a time. */
export class ActivityFeed {
  readonly state = signal<FeedState>({ entries: [], hasMore: true, isLoading: false, hasFailed: false });
  private readonly sources: readonly Source[];
  private isClosed = false;

  constructor(private readonly options: FeedOptions) {
    const { filters, hasAudit } = options;
    const range = rangeOf(filters.when);
    const reads = [
      ...(isAuditKind(filters.what) ? [] : [(before?: number) => this.readEvents(before, range)]),
      ...(hasAudit && !isEventKind(filters.what) ? [(before?: number) => this.readAudit(before, range)] : []),
    ];
    this.sources = reads.map(read => ({
      ...{ read, entries: [], next: undefined, hasMore: true, oldest: undefined },
    }));
  }

  /** The feed is no longer shown. */
  close(): void {
    this.isClosed = true;
  }

  /** Read on, until there is another entry or a limit is reached. */
  async load(): Promise<void> {
    if (this.state.peek().isLoading) return;
    const known = this.state.peek().entries.length;
    this.report({ isLoading: true, hasFailed: false });
    try {
      for (let pages = 0; pages < EMPTY_PAGES_MAX && this.hasMore(); pages += 1) {
        await this.readOn();
        if (this.merged().length > known) break;
      }
      this.report({ isLoading: false });
    } catch {
      this.report({ isLoading: false, hasFailed: true });
    }
  }

  /** Read what has happened since the last page. Failures are ignored: the next call reads it. */
  async refresh(): Promise<void> {
    for (const source of this.sources) {
      if (!source.oldest && source.hasMore) continue;
      const page = await source.read(undefined).catch(() => undefined);
      const known = new Set(source.entries.map(one => one.key));
      const fresh = page?.entries.filter(one => !known.has(one.key)) ?? [];
      source.entries = [...source.entries, ...fresh];
    }
    this.report({});
  }

  private hasMore = (): boolean => this.sources.some(one => one.hasMore);

  /** Read a page of the log that is read back the least. */
  private async readOn(): Promise<void> {
    const open = this.sources.filter(one => one.hasMore);
    const [source] = open.sort((a, b) => compare(b.oldest ?? "~", a.oldest ?? "~"));
    if (!source) return;
    const page = await source.read(source.next);
    source.entries = [...page.entries, ...source.entries];
    source.oldest = page.oldest ?? source.oldest;
    source.next = page.next;
    source.hasMore = page.next !== undefined;
  }

  /** The entries that are complete: of a log that is not read as far back, earlier ones may be missing. */
  private merged(): readonly Entry[] {
    const limits = this.sources.filter(one => one.hasMore).map(one => one.oldest ?? "~");
    const from = limits.reduce((latest, one) => (one > latest ? one : latest), "");
    return this.sources
      .flatMap(one => one.entries)
      .filter(one => one.at >= from)
      .sort((a, b) => compare(b.at, a.at) || compare(b.key, a.key));
  }

  private report(change: Partial<FeedState>): void {
    if (this.isClosed) return;
    this.state.value = {
      ...this.state.peek(),
      ...{ entries: withoutRequests(this.merged()), hasMore: this.hasMore() },
      ...change,
    };
  }

  private async readEvents(before: number | undefined, range: TimeRange): Promise<Page> {
    const { backend, token, filters } = this.options;
    const query: CloudHistoryQuery = {
      ...{ limit: PAGE_SIZE, ...range },
      ...(before === undefined ? {} : { before }),
      ...(filters.who ? { actor: filters.who } : {}),
      ...(isEventKind(filters.what) ? { type: filters.what } : {}),
    };
    const { events, next } = await backend.cloudHistory(query, token());
    const entries = events
      .filter(event => event.type !== "retained")
      .map(event => ({ kind: "event", key: `e${pad(event.seq)}`, at: event.timestamp, event }) as const);
    return { entries, oldest: events[0]?.timestamp, next };
  }

  private async readAudit(before: number | undefined, range: TimeRange): Promise<Page> {
    const { backend, token, filters } = this.options;
    const query: AuditQuery = { limit: PAGE_SIZE, ...(before === undefined ? {} : { before }) };
    const { entries, next } = await backend.audit(query, token());
    const shown = entries
      .filter(record => showsAudit(record, filters, range))
      .map(record => ({ kind: "audit", key: `a${pad(record.seq)}`, at: record.entry.at, record }) as const);
    const oldest = entries[0]?.entry.at;
    // What lies before the days that are asked for is of no use.
    const isPast = oldest !== undefined && range.from !== undefined && oldest < range.from;
    return { entries: shown, oldest, next: isPast ? undefined : next };
  }
}

/** Sequence numbers that sort as texts. */
const pad = (seq: number): string => String(seq).padStart(16, "0");

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Drop the receipt of each command whose outcome is known. */
function withoutRequests(entries: readonly Entry[]): readonly Entry[] {
  const ended = new Set(
    entries.flatMap(one =>
      one.kind === "event" && one.event.type !== "received" ? [one.event.operationId] : [],
    ),
  );
  return entries.filter(
    one => one.kind !== "event" || one.event.type !== "received" || !ended.has(one.event.operationId),
  );
}
