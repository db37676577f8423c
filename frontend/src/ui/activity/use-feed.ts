import { useEffect, useMemo } from "preact/hooks";
import { useApp } from "../app-context";
import { ActivityFeed } from "./feed";
import type { Filters } from "./filters";

/** How long to wait after an event before the feed is read again: a burst of events is one reading. */
const REFRESH_MS = 400;

/** The feed of the entries that match; it follows what happens. Without `enabled`, nothing is read. */
export function useFeed(filters: Filters, enabled: boolean): ActivityFeed {
  const { store, backend } = useApp();
  const hasAudit = store.access.view.value?.may.includes("see_audit") ?? false;
  const { who, what, when } = filters;
  const feed = useMemo(
    () =>
      new ActivityFeed({
        backend,
        token: () => (hasAudit ? store.token : store.access.readToken()),
        filters: { who, what, when, q: "" },
        hasAudit,
      }),
    [backend, store, hasAudit, who, what, when],
  );
  useEffect(() => {
    if (enabled) void feed.load();
    return () => feed.close();
  }, [feed, enabled]);
  // What happens to servers is known at once; the rest is read with it.
  const { seq } = store.cloud.value;
  useEffect(() => {
    if (!enabled || seq === 0) return;
    const timer = setTimeout(() => void feed.refresh(), REFRESH_MS);
    return () => clearTimeout(timer);
  }, [feed, enabled, seq]);
  return feed;
}
