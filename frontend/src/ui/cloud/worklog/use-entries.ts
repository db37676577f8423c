import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useCallback } from "preact/hooks";
import type { EarlierLines } from "../../../session/older-log";
import { type EntryFilter, entriesOf, filterEntries, type WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { dictionary } from "../../settings/preferences";
import { useOlderLog } from "./older-log-context";

export interface Entries {
  /** All entries that are loaded for the filter's server, person and kind, oldest first. */
  readonly all: ReadonlySignal<readonly WorklogEntry[]>;
  /** The entries that match, latest first. */
  readonly shown: ReadonlySignal<readonly WorklogEntry[]>;
  readonly earlier: ReadonlySignal<EarlierLines>;
  readonly loadEarlier: () => void;
}

/** The entries of the Worklog that match a filter, with what is loaded of the server's history. */
export function useEntries(filter: ReadonlySignal<EntryFilter>): Entries {
  const { cloud } = useApp().store;
  const olderLog = useOlderLog();
  const earlier = useComputed(() => olderLog.of(filter.value));
  const all = useComputed(() => entriesOf([...earlier.value.lines, ...cloud.value.worklog]));
  const shown = useComputed(() => filterEntries(dictionary.value, all.value, filter.value).toReversed());
  const loadEarlier = useCallback(() => void olderLog.load(filter.peek()), [olderLog, filter]);
  return { all, shown, earlier, loadEarlier };
}
