/**
 * The positions of the rows of a long list. Rows have different heights, which are estimated until they are measured.
 * Only the rows after the first changed one are recomputed.
 */
export class RowLayout {
  private keys: readonly string[] = [];
  private tops = new Float64Array(16);
  private readonly heights = new Map<string, number>();
  private indexes: Map<string, number> | undefined;

  constructor(private readonly estimate: number) {}

  get count(): number {
    return this.keys.length;
  }

  get total(): number {
    return this.top(this.keys.length);
  }

  top(index: number): number {
    return this.tops[Math.min(index, this.keys.length)] ?? 0;
  }

  keyAt(index: number): string | undefined {
    return this.keys[index];
  }

  indexOf(key: string): number {
    this.indexes ??= new Map(this.keys.map((one, index) => [one, index]));
    return this.indexes.get(key) ?? -1;
  }

  setKeys(keys: readonly string[]): void {
    if (keys === this.keys) return;
    let same = 0;
    while (same < keys.length && keys[same] === this.keys[same]) same += 1;
    if (same === keys.length && same === this.keys.length) return;
    this.keys = keys;
    this.indexes = undefined;
    this.recompute(same);
  }

  /**
   * Set the measured heights of consecutive rows from index `first` on. Returns whether any of them has changed. The
   * rows after them are moved once.
   */
  measure(first: number, measured: readonly number[]): boolean {
    let shift = 0;
    let moved = false;
    for (const [offset, height] of measured.entries()) {
      const index = first + offset;
      const key = this.keys[index];
      if (key === undefined) break;
      const difference = height - (this.heights.get(key) ?? this.estimate);
      this.heights.set(key, height);
      moved ||= difference !== 0;
      shift += difference;
      this.tops[index + 1] = (this.tops[index + 1] ?? 0) + shift;
    }
    if (shift !== 0)
      for (let i = first + measured.length + 1; i <= this.keys.length; i += 1)
        this.tops[i] = (this.tops[i] ?? 0) + shift;
    return moved;
  }

  /** Drop all measured heights, because the width has changed. */
  reset(): void {
    this.heights.clear();
    this.recompute(0);
  }

  /** The index of the row at `y` pixels from the top of the list. */
  rowAt(y: number): number {
    let low = 0;
    let high = Math.max(0, this.keys.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.top(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  private recompute(from: number): void {
    const size = this.keys.length + 1;
    if (this.tops.length < size) {
      const grown = new Float64Array(size * 2);
      grown.set(this.tops);
      this.tops = grown;
    }
    for (let i = from; i < this.keys.length; i += 1) {
      this.tops[i + 1] = (this.tops[i] ?? 0) + (this.heights.get(this.keys[i] ?? "") ?? this.estimate);
    }
  }
}
