/** The shortest interval between two batches; a single item is never delayed. */
const INTERVAL_MS = 50;

/**
 * Passes on single items at once and collects bursts into batches: rendering ten thousand changes one by one would
 * block the page.
 */
export class Batcher<T> {
  private pending: T[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private flushedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly onBatch: (items: readonly T[]) => void) {}

  add(items: readonly T[]): void {
    this.pending = this.pending.concat(items);
    if (this.timer !== undefined) return;
    const delay = this.flushedAt + INTERVAL_MS - performance.now();
    if (delay <= 0) this.flush();
    else this.timer = setTimeout(() => this.flush(), delay);
  }

  /** Pass on the pending items now. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.pending.length === 0) return;
    const items = this.pending;
    this.pending = [];
    this.flushedAt = performance.now();
    this.onBatch(items);
  }
}
