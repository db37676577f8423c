/** How often, in milliseconds, a flood is handed on; what comes alone never waits. */
const INTERVAL_MS = 50;

/**
 * Hands items on at once while they come singly, and a few times a second together while they pour in: drawing
 * ten thousand changes one by one would leave no time for anything else.
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

  /** Hand on what waits, now. */
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
