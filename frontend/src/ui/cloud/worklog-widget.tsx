import { useComputed, useSignal } from "@preact/signals";
import { useCallback } from "preact/hooks";
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
import { CopyButton } from "../copy-button";
import { VirtualList } from "../list/virtual-list";
import { dictionary } from "../settings/preferences";
import { Line } from "./worklog-line";

const keyOf = (line: WorklogLine): string => line.key;
/** The most instances in the menu; others are found by the list or the search. */
const MENU_MAX = 200;

export function WorklogWidget() {
  const { cloud } = useApp().store;
  const filter = useSignal<WorklogFilter>(NO_FILTER);
  const lines = useComputed(() => filterLines(dictionary.value, cloud.value.worklog, filter.value));
  const known = useComputed(() => {
    const ids = new Set(cloud.value.worklog.flatMap(line => line.instanceId ?? []));
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
            onClick={() => saveFile("worklog.csv", "text/csv", linesAsCsv(lines.value, navigator.language))}
          >
            CSV
          </button>
          <button
            type="button"
            class="button small quiet"
            onClick={() => saveFile("worklog.json", "application/json", linesAsJson(lines.value))}
          >
            JSON
          </button>
        </div>
      </div>
      <div class="filters">
        <input
          type="search"
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
      {lines.value.length > 0 ? (
        <VirtualList
          items={lines.value}
          keyOf={keyOf}
          estimate={74}
          label={t.title}
          anchor="end"
          newRowsLabel={t.fresh}
          render={line => <Line line={line} onPick={pick} />}
        />
      ) : (
        <div class="placeholder">
          <p>{cloud.value.worklog.length > 0 ? t.noMatch : t.empty}</p>
          {cloud.value.worklog.length > 0 && (
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
