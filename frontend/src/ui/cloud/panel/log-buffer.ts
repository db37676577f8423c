import type { LogChunk, LogLine } from "../../../contract/generated";

/** The most lines that are kept; the oldest are dropped first. */
export const LINES_MAX = 2_000;

/** A line of a log, or how many lines are missing at this place. */
export interface LogRow {
  /** Counts from 1, without gaps. */
  readonly key: number;
  readonly line?: LogLine;
  /** 0: lines may be missing, and their number is unknown. */
  readonly skipped?: number;
}

export interface LogState {
  readonly rows: readonly LogRow[];
  /** What arrived while the log was paused. */
  readonly held: readonly LogRow[];
  readonly isPaused: boolean;
  readonly lastKey: number;
}

export const EMPTY_LOG: LogState = { rows: [], held: [], isPaused: false, lastKey: 0 };

/** The last rows of a list; the first says how many lines are missing because of the limit. */
function limited(rows: readonly LogRow[]): readonly LogRow[] {
  if (rows.length <= LINES_MAX) return rows;
  const kept = rows.slice(1 - LINES_MAX);
  const dropped = rows.slice(0, 1 - LINES_MAX);
  const skipped = dropped.reduce((sum, row) => sum + (row.skipped ?? 1), 0);
  return [{ key: dropped.at(-1)?.key ?? 0, skipped }, ...kept];
}

/** What a part of the log adds. `isGap`: lines before it may be missing, because the connection was lost. */
export type Added = Pick<LogChunk, "skipped"> & {
  readonly lines: readonly LogLine[];
  readonly isGap?: boolean;
};

/** The log after `chunks`, in order. */
export function withChunks(state: LogState, chunks: readonly Added[]): LogState {
  const added: LogRow[] = [];
  let key = state.lastKey;
  for (const { skipped, lines, isGap = false } of chunks) {
    if (isGap) added.push({ key: ++key, skipped: 0 });
    if (skipped > 0) added.push({ key: ++key, skipped });
    for (const line of lines) added.push({ key: ++key, line });
  }
  if (added.length === 0) return state;
  const list = limited([...(state.isPaused ? state.held : state.rows), ...added]);
  return { ...state, lastKey: key, ...(state.isPaused ? { held: list } : { rows: list }) };
}

export const paused = (state: LogState): LogState => ({ ...state, isPaused: true });

/** The log with what arrived during the pause. */
export const resumed = ({ rows, held, lastKey }: LogState): LogState => ({
  ...{ rows: limited([...rows, ...held]), held: [], isPaused: false, lastKey },
});
