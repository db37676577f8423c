import { type Signal, useComputed, useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import type { WorklogKind, WorklogLine } from "../../../state/cloud/model";
import { formatRecentDay } from "../../../text/format";
import { lineAsText, linesAsCsv, linesAsJson } from "../../../text/worklog";
import { type EntryFilter, NO_FILTER, serverOf, type WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { saveFile } from "../../clipboard";
import { isDown } from "../../connection/connection-status";
import { CopyButton } from "../../copy-button";
import { VirtualList } from "../../list/virtual-list";
import { dictionary, language } from "../../settings/preferences";
import { serversDictionary } from "../servers/servers-dictionary";
import { EarlierEntries } from "./earlier-entries";
import { useEntries } from "./use-entries";
import { Entry } from "./worklog-entry";

/** The most servers or people in a menu; others are found by the search. */
const MENU_MAX = 200;

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

interface FiltersProps {
  readonly filter: Signal<EntryFilter>;
  readonly entries: readonly WorklogEntry[];
}

/** The servers and the people that the entries name, latest first. */
function choicesOf(entries: readonly WorklogEntry[], names: ReadonlyMap<string, string>) {
  const servers = new Map<string, string>();
  const people = new Set<string>();
  for (const entry of entries.toReversed()) {
    const id = entry.lines[0]?.instanceId;
    if (id && !servers.has(id)) servers.set(id, names.get(id) ?? serverOf(entry) ?? id);
    for (const { actor } of entry.lines) if (actor) people.add(actor);
  }
  return { servers: [...servers].slice(0, MENU_MAX), people: [...people].slice(0, MENU_MAX) };
}

function Filters({ filter, entries }: FiltersProps) {
  const { cloud } = useApp().store;
  const { cloud: c, worklog: t } = dictionary.value;
  const words = serversDictionary.value.log;
  const { instanceId, actor, kind, text } = filter.value;
  const names = new Map([...cloud.value.instances.values()].map(({ id, name }) => [id, name] as const));
  const { servers, people } = choicesOf(entries, names);
  if (instanceId && !servers.some(([id]) => id === instanceId))
    servers.push([instanceId, names.get(instanceId) ?? instanceId]);
  const change = (part: Partial<EntryFilter>) => {
    filter.value = { ...filter.value, ...part };
  };
  return (
    <div class="filters log-filters">
      <input
        type="search"
        dir="auto"
        aria-label={t.search}
        placeholder={t.search}
        value={text}
        onInput={event => change({ text: event.currentTarget.value })}
      />
      <select
        aria-label={t.instance}
        value={instanceId}
        onChange={event => change({ instanceId: event.currentTarget.value })}
      >
        <option value="">{t.allInstances}</option>
        {servers.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label={t.kind}
        value={kind}
        onChange={event => change({ kind: event.currentTarget.value as WorklogKind | "" })}
      >
        <option value="">{t.allKinds}</option>
        {Object.entries(t.kinds).map(([one, label]) => (
          <option key={one} value={one}>
            {label}
          </option>
        ))}
      </select>
      <select
        aria-label={words.person}
        value={actor}
        onChange={event => change({ actor: event.currentTarget.value })}
      >
        <option value="">{words.anyone}</option>
        {people.map(one => (
          <option key={one} value={one}>
            {c.by(one)}
          </option>
        ))}
      </select>
    </div>
  );
}

interface WorklogWidgetProps {
  /** The server that was chosen elsewhere, to be shown alone; empty: none. */
  readonly shownInstance: Signal<string>;
}

export function WorklogWidget({ shownInstance }: WorklogWidgetProps) {
  const { cloud, olderLog } = useApp().store;
  const filter = useSignal<EntryFilter>({ ...NO_FILTER, instanceId: shownInstance.peek() });
  const { all, shown, earlier, loadEarlier } = useEntries(filter);
  const rows = useComputed(() => rowsOf(shown.value));
  const partial = useSignal(false);
  // After a failure only the button tries again.
  const loadOnScroll = useCallback(() => {
    const { next, failed } = earlier.peek();
    if (next !== undefined && !failed) loadEarlier();
  }, [earlier, loadEarlier]);
  const chosen = shownInstance.value;
  useEffect(() => {
    if (!chosen) return;
    filter.value = { ...NO_FILTER, instanceId: chosen };
    shownInstance.value = "";
  }, [chosen, filter, shownInstance]);
  const { instanceId, kind, actor } = filter.value;
  // What was asked for may lie before what the page has.
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each filter
  useEffect(() => {
    partial.value = false;
    if ((instanceId || kind || actor) && shown.peek().length === 0) loadEarlier();
  }, [instanceId, kind, actor]);
  const shownLines = () => shown.value.toReversed().flatMap(entry => entry.lines);
  /** Save all lines that match, those included that are not loaded yet. */
  const save = async (name: string, type: string, format: (lines: readonly WorklogLine[]) => string) => {
    const isAll = await olderLog.loadAll(filter.peek());
    partial.value = !isAll;
    saveFile(name, type, format(shownLines()));
  };
  const { cloud: c, worklog: t } = dictionary.value;
  const words = serversDictionary.value.log;
  const isFiltered = filter.value.text !== "" || instanceId !== "" || kind !== "" || actor !== "";
  const { loaded, connection } = cloud.value;
  const hasEarlier = earlier.value.next !== undefined;
  const emptyText = loaded ? (hasEarlier ? "" : t.empty) : isDown(connection) ? c.unreachable : t.loading;

  return (
    <section class="card widget worklog" aria-labelledby="worklog-title">
      <div class="widget-head">
        <h2 id="worklog-title">{t.title}</h2>
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
      <Filters filter={filter} entries={all.value} />
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
          label={t.title}
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
