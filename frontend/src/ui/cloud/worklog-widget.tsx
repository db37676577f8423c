import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import type { WorklogKind, WorklogLine } from "../../state/cloud/model";
import {
  filterLines,
  lineAsText,
  linesAsCsv,
  linesAsJson,
  NO_FILTER,
  type WorklogFilter,
} from "../../text/worklog";
import { useApp } from "../app-context";
import { saveFile } from "../clipboard";
import { isDown } from "../connection/connection-status";
import { CopyButton } from "../copy-button";
import { VirtualList } from "../list/virtual-list";
import { dictionary } from "../settings/preferences";
import { EarlierEntries } from "./earlier-entries";
import { Line } from "./worklog-line";

const keyOf = (line: WorklogLine): string => line.key;
/** The most instances in the menu; others are found by the list or the search. */
const MENU_MAX = 200;

export function WorklogWidget() {
  const { cloud, olderLog } = useApp().store;
  const filter = useSignal<WorklogFilter>(NO_FILTER);
  const earlier = useComputed(() => olderLog.of(filter.value));
  const all = useComputed(() => [...earlier.value.lines, ...cloud.value.worklog]);
  const lines = useComputed(() => filterLines(dictionary.value, all.value, filter.value));
  const partial = useSignal(false);
  const loadEarlier = useCallback(() => void olderLog.load(filter.peek()), [olderLog, filter]);
  // After a failure only the button tries again.
  const loadOnScroll = useCallback(() => {
    const { next, failed } = earlier.peek();
    if (next !== undefined && !failed) loadEarlier();
  }, [earlier, loadEarlier]);
  const { instanceId, kind } = filter.value;
  // What was asked for may lie before what the page has.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each filter
  useEffect(() => {
    partial.value = false;
    if ((instanceId || kind) && lines.peek().length === 0) loadEarlier();
  }, [instanceId, kind]);
  /** Save all lines that match, those included that are not loaded yet. */
  const save = async (name: string, type: string, format: (lines: readonly WorklogLine[]) => string) => {
    const isAll = await olderLog.loadAll(filter.peek());
    partial.value = !isAll;
    saveFile(name, type, format(lines.peek()));
  };
  const known = useComputed(() => {
    const ids = new Set(all.value.flatMap(line => line.instanceId ?? []));
    const shown = [...ids].slice(-MENU_MAX);
    const picked = filter.value.instanceId;
    return picked && !shown.includes(picked) ? [picked, ...shown] : shown;
  });
  const change = (part: Partial<WorklogFilter>) => {
    filter.value = { ...filter.value, ...part };
  };
  const pick = useCallback(
    (instanceId: string) => {
      filter.value = { ...filter.value, instanceId };
    },
    [filter],
  );
  const { cloud: c, worklog: t } = dictionary.value;
  const isFiltered = all.value.length > 0 || filter.value !== NO_FILTER;
  const { loaded, connection } = cloud.value;
  const hasEarlier = earlier.value.next !== undefined;
  const emptyText = loaded ? (hasEarlier ? "" : t.empty) : isDown(connection) ? c.unreachable : t.loading;

  return (
    <section class="card widget" aria-labelledby="worklog-title">
      <div class="widget-head">
        <h2 id="worklog-title">{t.title}</h2>
        <div class="worklog-tools">
          <CopyButton
            class="button small quiet"
            label={t.copy}
            text={() => lines.value.map(line => lineAsText(dictionary.value, line)).join("\n\n")}
          >
            {t.copy}
          </CopyButton>
          <button
            type="button"
            class="button small quiet"
            onClick={() =>
              void save("worklog.csv", "text/csv", shown => linesAsCsv(shown, navigator.language))
            }
          >
            CSV
          </button>
          <button
            type="button"
            class="button small quiet"
            onClick={() => void save("worklog.json", "application/json", linesAsJson)}
          >
            JSON
          </button>
        </div>
      </div>
      <div class="filters">
        <input
          type="search"
          dir="auto"
          aria-label={t.search}
          placeholder={t.search}
          value={filter.value.text}
          onInput={event => change({ text: event.currentTarget.value })}
        />
        <select
          aria-label={t.instance}
          value={filter.value.instanceId}
          onChange={event => change({ instanceId: event.currentTarget.value })}
        >
          <option value="">{t.allInstances}</option>
          {known.value.map(id => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
        <select
          aria-label={t.kind}
          value={filter.value.kind}
          onChange={event => change({ kind: event.currentTarget.value as WorklogKind | "" })}
        >
          <option value="">{t.allKinds}</option>
          {Object.entries(t.kinds).map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
      </div>
      {partial.value && (
        <p class="hint" role="status">
          {t.partial(lines.value.length)}
        </p>
      )}
      {lines.value.length > 0 ? (
        <VirtualList
          items={lines.value}
          keyOf={keyOf}
          estimate={74}
          label={t.title}
          anchor="end"
          newRowsLabel={t.fresh}
          onNearStart={loadOnScroll}
          before={<EarlierEntries earlier={earlier.value} onLoad={loadEarlier} />}
          render={line => <Line line={line} onPick={pick} />}
        />
      ) : (
        <div class="placeholder">
          <p>{isFiltered ? t.noMatch : emptyText}</p>
          {cloud.value.loaded && <EarlierEntries earlier={earlier.value} onLoad={loadEarlier} />}
          {isFiltered && (
            <button
              type="button"
              class="link-button"
              onClick={() => {
                filter.value = NO_FILTER;
              }}
            >
              {c.showAll}
            </button>
          )}
        </div>
      )}
    </section>
  );
}
