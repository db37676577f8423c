import { useComputed } from "@preact/signals";
import { useCallback, useMemo } from "preact/hooks";
import { dayKey } from "../../text/format";
import { SignInControl } from "../access/sign-in";
import { useApp } from "../app-context";
import { DayLine } from "../chat/message-row";
import { isDown } from "../connection/connection-status";
import { VirtualList } from "../list/virtual-list";
import { place } from "../place";
import { dictionary } from "../settings/preferences";
import { activityDictionary } from "./activity-dictionary";
import { describe } from "./describe";
import { EntryRow } from "./entry-row";
import type { ActivityFeed, Entry, FeedState } from "./feed";
import { FilterBar } from "./filter-bar";
import { containsText, type Filters, parseFilters } from "./filters";
import { useFeed } from "./use-feed";

const keyOf = (entry: Entry): string => entry.key;

/** The entries that contain the text of the filter. */
function useMatching(entries: readonly Entry[], { q }: Filters): readonly Entry[] {
  const { instances } = useApp().store.cloud.value;
  const [t, a] = [dictionary.value, activityDictionary.value];
  return useMemo(() => {
    if (!q) return entries;
    return entries.filter(entry => {
      const { who, what, server, target, reason } = describe({ t, a }, instances, entry);
      return containsText([who, what, server?.id, server?.name, target, reason], q);
    });
  }, [entries, q, instances, t, a]);
}

interface EndProps {
  readonly state: FeedState;
  readonly onLoad: () => void;
}

/** Whether there are earlier entries, and the button that loads them. */
function End({ state: { isLoading, hasFailed, hasMore }, onLoad }: EndProps) {
  const t = activityDictionary.value;
  if (isLoading) return <p class="list-start">{t.loading}</p>;
  if (!hasMore && !hasFailed) return <p class="list-start">{t.beginning}</p>;
  return (
    <p class="list-start">
      {hasFailed && <span class="problem">{t.failedToLoad} </span>}
      <button type="button" class="link-button" onClick={onLoad}>
        {hasFailed ? dictionary.value.chat.retry : t.earlier}
      </button>
    </p>
  );
}

/** What is shown instead of a list without entries. */
function Nothing({ state, onLoad, isFiltered }: EndProps & { readonly isFiltered: boolean }) {
  const { connection } = useApp().store.cloud.value;
  const t = activityDictionary.value;
  const { isLoading, hasFailed, hasMore } = state;
  const isDone = !isLoading && !hasFailed && !hasMore;
  return (
    <div class="placeholder">
      {hasFailed && isDown(connection) && <p>{dictionary.value.cloud.unreachable}</p>}
      {isDone ? <p>{isFiltered ? t.noMatch : t.empty}</p> : <End state={state} onLoad={onLoad} />}
    </div>
  );
}

function List({ feed, filters }: { readonly feed: ActivityFeed; readonly filters: Filters }) {
  const state = feed.state.value;
  const entries = useMatching(state.entries, filters);
  const t = dictionary.value;
  const load = useCallback(() => void feed.load(), [feed]);
  // After a failure only the button tries again.
  const loadOnScroll = useCallback(() => {
    const { hasMore, hasFailed } = feed.state.peek();
    if (hasMore && !hasFailed) void feed.load();
  }, [feed]);
  if (entries.length === 0)
    return <Nothing state={state} onLoad={load} isFiltered={Object.values(filters).some(Boolean)} />;
  return (
    <VirtualList
      items={entries}
      keyOf={keyOf}
      estimate={40}
      label={t.nav.activity}
      anchor="start"
      onNearEnd={loadOnScroll}
      after={<End state={state} onLoad={load} />}
      render={(entry, index) => {
        const before = entries[index - 1];
        return (
          <>
            {(!before || dayKey(before.at) !== dayKey(entry.at)) && <DayLine at={entry.at} />}
            <EntryRow entry={entry} />
          </>
        );
      }}
    />
  );
}

/** Everything that happened, filtered by who, what and when. */
export default function ActivityView() {
  const { store } = useApp();
  const query = place.value.query;
  const filters = useMemo(() => parseFilters(query), [query]);
  const view = store.access.view.value;
  const maySee = view?.may.includes("see_servers") ?? false;
  const feed = useFeed(filters, maySee);
  const actors = useComputed(() => [
    ...new Set(
      feed.state.value.entries.map(one => (one.kind === "event" ? one.event.actor : one.record.entry.actor)),
    ),
  ]);
  const { nav, access } = dictionary.value;
  return (
    <div class="activity">
      <header class="activity-head">
        <h1>{nav.activity}</h1>
        {maySee && (
          <FilterBar
            filters={filters}
            actors={actors.value}
            hasAudit={view?.may.includes("see_audit") ?? false}
          />
        )}
      </header>
      {view && !maySee ? (
        <div class="placeholder">
          <p>{access.cantSee}</p>
          <p>
            <SignInControl />
          </p>
        </div>
      ) : (
        <List key={query} feed={feed} filters={filters} />
      )}
    </div>
  );
}
