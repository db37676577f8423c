import { useSignal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import type { FollowListener, ServersApi } from "../../../api/backend";
import { ApiError } from "../../../api/errors";
import type { LogChunk } from "../../../contract/generated";
import { ROOM } from "../../../state/chat/model";
import { formatExactClock } from "../../../text/format";
import { useApp } from "../../app-context";
import { draftOf } from "../../chat/draft";
import { CopyButton } from "../../copy-button";
import { VirtualList } from "../../list/virtual-list";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { isRepeat } from "../servers/repeated-click";
import { serversDictionary } from "../servers/servers-dictionary";
import { withExcerpt } from "./excerpt";
import { type Added, EMPTY_LOG, type LogRow, type LogState, paused, resumed, withChunks } from "./log-buffer";
import { SeenLines } from "./seen-lines";
import { type FollowState, useFollow } from "./use-follow";
import { useMarkedRows } from "./use-marked-rows";

/** How many past lines the log begins with. */
const TAIL = 200;
/** How many lines are shared, if none are marked. */
const SHARED_LINES = 20;
const LINE_PX = 18;

const keyOf = ({ key }: LogRow): string => String(key);

function Row({ row }: { readonly row: LogRow }) {
  const { line, skipped = 0 } = row;
  const t = serversDictionary.value.panel;
  if (!line) return <p class="log-gap">{skipped > 0 ? t.skipped(skipped) : t.maybeMissing}</p>;
  return (
    <p class="log-line" data-key={row.key} data-source={line.source}>
      {line.at && <time dateTime={line.at}>{formatExactClock(line.at)} </time>}
      {line.text}
    </p>
  );
}

const textOf = (rows: readonly LogRow[]): string =>
  rows
    .flatMap(({ line }) => (line ? `${line.at ? `${formatExactClock(line.at)} ` : ""}${line.text}` : []))
    .join("\n");

/** Chunks that arrive between two frames are added together: thousands of lines a second must not cost as many renderings. */
function useLogRows(id: string) {
  const { store } = useApp();
  const log = useSignal<LogState>(EMPTY_LOG);
  const waiting = useRef<Added[]>([]);
  const frame = useRef(0);
  const options = useMemo(() => {
    const seen = new SeenLines();
    let isChecked = true;
    /** What a chunk adds to the lines that are shown, which stay when the stream is opened again. */
    const added = ({ lines, skipped }: LogChunk): Added => {
      const { fresh, overlaps } = seen.add(lines);
      const isGap = !isChecked && !overlaps && (fresh.length > 0 || skipped > 0);
      isChecked ||= isGap || overlaps;
      return { lines: fresh, skipped, isGap };
    };
    const flush = () => {
      frame.current = 0;
      log.value = withChunks(log.peek(), waiting.current.splice(0));
    };
    return {
      open: (api: ServersApi, listener: FollowListener<LogChunk>) =>
        api.openLog(id, seen.tail ?? TAIL, listener, store.token),
      onBegin: () => {
        isChecked = seen.tail === undefined;
        if (isChecked) {
          waiting.current = [];
          log.value = { ...EMPTY_LOG, isPaused: log.peek().isPaused, lastKey: log.peek().lastKey };
        }
        seen.resume();
      },
      onChunk: (chunk: LogChunk) => {
        waiting.current.push(added(chunk));
        frame.current ||= requestAnimationFrame(flush);
      },
    };
  }, [id, store, log]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return { log, options };
}

function LogStatus({ state, log }: { readonly state: FollowState; readonly log: LogState }) {
  const t = serversDictionary.value.panel;
  const text =
    state.kind === "connecting"
      ? t.connecting
      : log.isPaused
        ? t.paused(log.held.length)
        : state.kind === "live"
          ? t.following
          : t.ended;
  return (
    <span class="log-status" data-live={state.kind === "live" && !log.isPaused}>
      {text}
    </span>
  );
}

interface ServerLogProps {
  readonly id: string;
  readonly name: string;
}

/** The log of a server: its last lines, and new ones as they come, until it is paused. */
export function ServerLog({ id, name }: ServerLogProps) {
  const { store, scope } = useApp();
  const { log, options } = useLogRows(id);
  const [state, again] = useFollow(options);
  const box = useRef<HTMLDivElement>(null);
  const t = serversDictionary.value.panel;
  const { isPaused, rows } = log.value;
  const problem =
    state.kind === "ended"
      ? state.error instanceof ApiError
        ? dictionary.value.error(state.error.code)
        : (state.reason ?? "")
      : "";
  const pause = useCallback(() => {
    if (!log.peek().isPaused) log.value = paused(log.peek());
  }, [log]);
  const marked = useMarkedRows(box, pause);
  /** The marked lines, or all. */
  const chosen = (): readonly LogRow[] => {
    const { from, to } = marked.peek() ?? { from: 0, to: Number.POSITIVE_INFINITY };
    return log.peek().rows.filter(({ key }) => key >= from && key <= to);
  };
  const me = store.chat.value.me?.name;
  const share = () => {
    if (me === undefined) return;
    const shared = marked.peek() ? chosen() : rows.slice(-SHARED_LINES);
    const draft = draftOf(scope, me, ROOM);
    draft.write(withExcerpt(draft.read(), t.sharedLog(name), textOf(shared)));
    goTo(hrefs.room(ROOM));
  };
  return (
    <section class="panel-part log" aria-labelledby="log-title">
      <div class="panel-head">
        <h3 id="log-title">{t.log}</h3>
        <LogStatus state={state} log={log.value} />
        <span class="panel-tools">
          {state.kind === "ended" ? (
            <button type="button" class="button small quiet" onClick={again}>
              {t.reconnect}
            </button>
          ) : (
            <button
              type="button"
              class="button small quiet"
              aria-pressed={isPaused}
              onClick={() => {
                log.value = isPaused ? resumed(log.value) : paused(log.value);
              }}
            >
              {isPaused ? t.resume : t.pause}
            </button>
          )}
          <CopyButton class="button small quiet" label={t.copyLog} text={() => textOf(chosen())}>
            <span class="visually-hidden">{t.copyLog}</span>
          </CopyButton>
          {me !== undefined && rows.length > 0 && (
            <button
              type="button"
              class="button small quiet"
              onClick={event => {
                if (!isRepeat(event)) share();
              }}
            >
              {marked.value ? t.shareLines(marked.value.to - marked.value.from + 1) : t.share}
            </button>
          )}
        </span>
      </div>
      {problem && <p class="problem">{problem}</p>}
      <div class="log-box" ref={box}>
        {rows.length > 0 ? (
          <VirtualList
            items={rows}
            keyOf={keyOf}
            estimate={LINE_PX}
            label={t.log}
            anchor="end"
            newRowsLabel={serversDictionary.value.worklog.fresh}
            render={row => <Row row={row} />}
          />
        ) : (
          state.kind === "live" && <p class="hint">{t.noLines}</p>
        )}
      </div>
    </section>
  );
}
