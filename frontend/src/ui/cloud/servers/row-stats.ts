import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Backend, CloudStream } from "../../../api/backend";
import type { StatsSample } from "../../../contract/generated";

/** How many servers are asked about at once: browsers allow few connections. */
const PARALLEL_MAX = 2;
const REFRESH_MS = 30_000;
/** For how many servers samples are kept. */
const KEPT_MAX = 200;

interface Entry {
  readonly samples: readonly StatsSample[];
  readonly askedAt: number;
}

/** The use of the servers whose rows are drawn: asked for in turn, a few at a time, and again every half minute. */
export class RowStats {
  private readonly entries = signal<ReadonlyMap<string, Entry>>(new Map());
  private readonly wanted = new Set<string>();
  private readonly asking = new Map<string, CloudStream | undefined>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly backend: Pick<Backend, "servers">,
    private readonly readToken: () => string | undefined,
  ) {}

  /** The samples of a server, latest last. */
  of(id: string): readonly StatsSample[] {
    return this.entries.value.get(id)?.samples ?? [];
  }

  /** Keep the samples of a server up to date; returns what ends this. */
  want(id: string): () => void {
    this.wanted.add(id);
    this.timer ??= setInterval(() => this.ask(), REFRESH_MS);
    this.ask();
    return () => {
      this.wanted.delete(id);
      this.asking.get(id)?.close();
      this.asking.delete(id);
      if (this.wanted.size > 0) return;
      clearInterval(this.timer);
      this.timer = undefined;
    };
  }

  private ask(): void {
    if (document.hidden) return;
    const now = performance.now();
    for (const id of this.wanted) {
      if (this.asking.size >= PARALLEL_MAX) return;
      const entry = this.entries.peek().get(id);
      const isFresh = entry !== undefined && now - entry.askedAt < REFRESH_MS / 2;
      if (!isFresh && !this.asking.has(id)) void this.askAbout(id);
    }
  }

  private async askAbout(id: string): Promise<void> {
    this.asking.set(id, undefined);
    const samples: StatsSample[] = [];
    const finish = () => {
      if (!this.asking.delete(id)) return;
      const entries = new Map(this.entries.peek());
      entries.delete(id);
      entries.set(id, { samples, askedAt: performance.now() });
      this.entries.value = new Map([...entries].slice(-KEPT_MAX));
      this.ask();
    };
    try {
      const api = await this.backend.servers();
      if (!this.asking.has(id)) return;
      const listener = {
        onOpen: () => {},
        onChunk: (chunk: { readonly samples: readonly StatsSample[] }) => void samples.push(...chunk.samples),
        onClose: finish,
      };
      this.asking.set(id, api.openStats(id, false, listener, this.readToken()));
    } catch {
      finish();
    }
  }
}

/** The samples of a server as long as the caller is drawn; none unless `isWanted`. */
export function useRowStats(
  stats: RowStats,
  id: string,
  isWanted: boolean,
): ReadonlySignal<readonly StatsSample[]>["value"] {
  useEffect(() => (isWanted ? stats.want(id) : undefined), [stats, id, isWanted]);
  return isWanted ? stats.of(id) : [];
}
