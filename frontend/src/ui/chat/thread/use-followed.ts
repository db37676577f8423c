import { useCallback, useEffect, useState } from "preact/hooks";
import type { FollowedThread } from "../../../contract/generated";
import { useApp } from "../../app-context";

/** How long changes are gathered before the list is loaded again. */
const GATHER_MS = 300;

export interface FollowedList {
  /** The threads, the one with the newest reply first; undefined while they are loaded. */
  readonly threads: readonly FollowedThread[] | undefined;
  readonly failed: boolean;
  readonly retry: () => void;
  /** Loads threads with earlier replies; undefined if there are none. */
  readonly loadMore: (() => void) | undefined;
}

/** The threads that the user follows; the first page is loaded again when something in them changes. */
export function useFollowed(): FollowedList {
  const { store, backend } = useApp();
  const { threads: known, connection, me } = store.chat.value;
  const [loaded, setLoaded] = useState<readonly FollowedThread[]>();
  const [next, setNext] = useState<number>();
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const isLive = connection.phase === "live";

  const load = useCallback(
    async (before?: number) => (await backend.messages()).threads(before, store.token),
    [backend, store],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is loaded again after these changes
  useEffect(() => {
    if (!me) return;
    let isWanted = true;
    const show = async () => {
      try {
        const page = await load();
        if (!isWanted) return;
        setLoaded(page.threads);
        setNext(page.next);
        setFailed(false);
      } catch {
        if (isWanted) setFailed(true);
      }
    };
    const timer = setTimeout(() => void show(), loaded ? GATHER_MS : 0);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [load, known.byId, isLive, attempt, me?.id]);

  const loadMore = useCallback(() => {
    load(next).then(
      page => {
        setLoaded(now => now && [...now, ...page.threads]);
        setNext(page.next);
      },
      () => setFailed(true),
    );
  }, [load, next]);
  return {
    ...{ threads: loaded, failed, retry: () => setAttempt(one => one + 1) },
    loadMore: next === undefined ? undefined : loadMore,
  };
}
