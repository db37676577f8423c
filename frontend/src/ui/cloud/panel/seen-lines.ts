import type { LogLine } from "../../../contract/generated";

/** How many lines are compared: as many as are asked for when a log is opened again. */
export const COMPARED_LINES = 2_000;
/** Lines of the two outputs of a server may be this much out of order in its log. */
const OVERLAP_MS = 5_000;

const keyOf = ({ at, source, text }: LogLine): string => `${at} ${source} ${text}`;
const timeOf = ({ at }: LogLine): number | undefined => (at === undefined ? undefined : Date.parse(at));

/**
 * The last lines of a log that were shown. A line has no position, but the time at which it was written: after a
 * disconnect the log is read again from far enough back, and what was there before is left out.
 */
export class SeenLines {
  private kept: LogLine[] = [];
  private newest: number | undefined;
  private lost: { readonly newest: number; readonly floor: number } | undefined;
  private readonly again = new Map<string, number>();
  private overlaps = false;

  /** With how many past lines the log must begin; undefined: nothing was shown, so any number will do. */
  get tail(): number | undefined {
    if (this.kept.length === 0) return undefined;
    // Lines without times can't be compared.
    return this.newest === undefined ? 0 : COMPARED_LINES;
  }

  /** From now on, the log is read again, from any line on. */
  resume(): void {
    this.overlaps = false;
    this.again.clear();
    this.lost = undefined;
    if (this.newest === undefined) return;
    const first = this.kept.length < COMPARED_LINES ? undefined : timeOf(this.kept[0] as LogLine);
    const floor = Math.max(this.newest - OVERLAP_MS, first ?? Number.NEGATIVE_INFINITY);
    this.lost = { newest: this.newest, floor };
    for (const line of this.kept) {
      const key = keyOf(line);
      if ((timeOf(line) ?? Number.NEGATIVE_INFINITY) >= floor)
        this.again.set(key, (this.again.get(key) ?? 0) + 1);
    }
  }

  /** Those of `lines` that come after what was shown, and whether the log has had one that was shown. */
  add(lines: readonly LogLine[]): { readonly fresh: readonly LogLine[]; readonly overlaps: boolean } {
    const fresh = lines.filter(line => !this.isOld(line));
    this.kept = [...this.kept, ...fresh].slice(-COMPARED_LINES);
    for (const line of fresh) this.newest = Math.max(this.newest ?? 0, timeOf(line) ?? 0) || undefined;
    return { fresh, overlaps: this.overlaps };
  }

  /** Whether a line was shown, or is older than all that were. */
  private isOld(line: LogLine): boolean {
    const at = timeOf(line);
    if (!this.lost || at === undefined) return false;
    if (at < this.lost.floor) return true;
    const count = this.again.get(keyOf(line)) ?? 0;
    if (count > 0) {
      this.again.set(keyOf(line), count - 1);
      this.overlaps = true;
      return true;
    }
    // Before the first line that was shown, the log has those from before its beginning.
    return !this.overlaps && at <= this.lost.newest;
  }
}
