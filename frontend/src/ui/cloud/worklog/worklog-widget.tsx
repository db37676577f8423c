import { useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import type { WorklogLine } from "../../../state/cloud/model";
import { formatRecentDay } from "../../../text/format";
import { lineAsText, linesAsCsv, linesAsJson } from "../../../text/worklog";
import type { EntryFilter, WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { saveFile } from "../../clipboard";
import { isDown } from "../../connection/connection-status";
import { CopyButton } from "../../copy-button";
import { VirtualList } from "../../list/virtual-list";
import { goTo, hrefs, place } from "../../place";
import { dictionary, language } from "../../settings/preferences";
import { serversDictionary } from "../servers/servers-dictionary";
import { EarlierEntries } from "./earlier-entries";
import { entryFilterOf, parseLogFilters } from "./log-address";
import { LogFilterBar } from "./log-filter-bar";
import { useOlderLog } from "./older-log-context";
import { useEntries } from "./use-entries";
import { Entry } from "./worklog-entry";

/** An entry, and whether it is the first one of its day. */
interface Row {
  readonly entry: WorklogEntry;
  readonly day: string | undefined;
}

const keyOf = ({ entry }: Row): string => entry.key;
const dayOf = (at: string): string => new Date(at).toDateString();

/** The rows of entries, latest first. */
const rowsOf = (entries: readonly WorklogEntry[]): readonly Row[] =>
  entries.map((entry, index) => {
    const before = entries[index - 1];
    return { entry, day: before && dayOf(before.at) === dayOf(entry.at) ? undefined : entry.at };
  });

/** The filters of the address, and what they ask for; the same objects as long as they say the same. */
function useFilters() {
  const { cloud } = useApp().store;
  const filters = useComputed(() => {
    const { view, id, query } = place.value;
    const isHere = view === "cloud" && id === undefined;
    return parseLogFilters(isHere ? query : "", Object.keys(dictionary.peek().worklog.kinds));
  });
  const key = useComputed(() => JSON.stringify(entryFilterOf(filters.value, cloud.value.instances)));
  const filter = useComputed(() => JSON.parse(key.value) as EntryFilter);
  return { filters, filter };
}

export function WorklogWidget() {
  const { cloud } = useApp().store;
  const olderLog = useOlderLog();
  const { filters, filter } = useFilters();
  const { all, shown, earlier, loadEarlier } = useEntries(filter);
  const rows = useComputed(() => rowsOf(shown.value));
  const partial = useSignal(false);
  // After a failure only the button tries again.
  const loadOnScroll = useCallback(() => {
    const { next, failed } = earlier.peek();
    if (next !== undefined && !failed) loadEarlier();
  }, [earlier, loadEarlier]);
  const { loaded, connection } = cloud.value;
  const isFiltered = Object.values(filters.value).some(Boolean);
  // What was asked for may lie before what the page has.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each filter
  useEffect(() => {
    partial.value = false;
    if (loaded && isFiltered && shown.peek().length === 0) loadEarlier();
  }, [filter.value, loaded]);
  const shownLines = () => shown.value.toReversed().flatMap(entry => entry.lines);
  /** Save all lines that match, those included that are not loaded yet. */
  const save = async (name: string, type: string, format: (lines: readonly WorklogLine[]) => string) => {
    const isAll = await olderLog.loadAll(filter.peek());
    partial.value = !isAll;
    saveFile(name, type, format(shownLines()));
  };
  const { cloud: c, worklog } = dictionary.value;
  const { log: words, panel, worklog: t } = serversDictionary.value;
  const hasEarlier = earlier.value.next !== undefined;
  const emptyText = loaded ? (hasEarlier ? "" : t.empty) : isDown(connection) ? c.unreachable : t.loading;

  return (
    <section class="widget worklog" aria-labelledby="worklog-title">
      <div class="widget-head">
        <a class="back to-servers" href={hrefs.servers}>
          <span class="icon icon-back" aria-hidden="true" />
          {panel.backToServers}
        </a>
        <h2 id="worklog-title">{worklog.title}</h2>
        <div class="worklog-tools">
          <CopyButton
            class="button small quiet"
            label={t.copy}
            text={() =>
              shownLines()
                .map(line => lineAsText(dictionary.value, line))
                .join("\n\n")
            }
          >
            {t.copy}
          </CopyButton>
          <button
            type="button"
            class="button small quiet"
            onClick={() =>
              void save("worklog.csv", "text/csv", lines => linesAsCsv(lines, navigator.language))
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
      <LogFilterBar filters={filters.value} entries={all.value} />
      {partial.value && (
        <p class="hint" role="status">
          {t.partial(shownLines().length)}
        </p>
      )}
      {rows.value.length > 0 ? (
        <VirtualList
          items={rows.value}
          keyOf={keyOf}
          estimate={50}
          label={worklog.title}
          anchor="start"
          onNearEnd={loadOnScroll}
          after={<EarlierEntries earlier={earlier.value} onLoad={loadEarlier} />}
          render={({ entry, day }) => (
            <>
              {day !== undefined && (
                <h3 class="day">{formatRecentDay(language.value, day, [words.today, words.yesterday])}</h3>
              )}
              <Entry entry={entry} hasServer />
            </>
          )}
        />
      ) : (
        <div class="placeholder">
          <p>{isFiltered ? t.noMatch : emptyText}</p>
          {cloud.value.loaded && <EarlierEntries earlier={earlier.value} onLoad={loadEarlier} />}
          {isFiltered && (
            <button type="button" class="link-button" onClick={() => goTo(hrefs.worklog())}>
              {c.showAll}
            </button>
          )}
        </div>
      )}
    </section>
  );
}
