/** How often, in milliseconds, a flood is handed on; what comes alone never waits. */
const EVERY_MS = 50;

/**
 * Hands items on at once while they come singly, and a few times a second together while they pour in: drawing
 * ten thousand changes one by one would leave no time for anything else.
 */
export class Gatherer<T> {
  private waiting: T[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private handedOnAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly handOn: (items: readonly T[]) => void) {}

  add(items: readonly T[]): void {
    this.waiting = this.waiting.concat(items);
    if (this.timer !== undefined) return;
    const rest = this.handedOnAt + EVERY_MS - performance.now();
    if (rest <= 0) this.flush();
    else this.timer = setTimeout(() => this.flush(), rest);
  }

  /** Hand on what waits, now. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.length === 0) return;
    const items = this.waiting;
    this.waiting = [];
    this.handedOnAt = performance.now();
    this.handOn(items);
  }
}
