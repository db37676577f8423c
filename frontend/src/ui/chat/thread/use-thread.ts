import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Message } from "../../../contract/generated";
import { type ShownMessage, type ShownRow, withPending } from "../../../state/chat/message-changes";
import { conversationOf, shown } from "../../../state/chat/messages";
import type { OutgoingMessage } from "../../../state/chat/model";
import { useApp } from "../../app-context";

interface LoadedThread {
  readonly root: ShownMessage;
  readonly replies: readonly ShownMessage[];
  /** The sequence number before which the next page ends; undefined: all are loaded. */
  readonly next?: number | undefined;
}

export interface Thread {
  /** The first message; undefined while it is loaded. */
  readonly root: ShownRow | undefined;
  readonly replies: readonly (ShownRow | OutgoingMessage)[];
  readonly failed: boolean;
  readonly retry: () => void;
  /** Loads earlier replies; undefined if there are none. */
  readonly loadEarlier: (() => void) | undefined;
}

/** The thread of the message `id`: what is loaded of it, and what has arrived since. */
export function useThread(room: string, id: string): Thread {
  const { store, backend } = useApp();
  const { outbox, changes, recent, me, connection, epoch } = store.chat.value;
  const { messages } = conversationOf(store.chat.value, room);
  const [loaded, setLoaded] = useState<LoadedThread>();
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const isLive = connection.phase === "live";

  const load = useCallback(
    async (before?: number): Promise<LoadedThread> => {
      const api = await backend.messages();
      const query = { room, id, ...(before === undefined ? {} : { before }) };
      const { root, replies, next, asOf } = await api.thread(query, store.token);
      const state = store.chat.peek();
      const asShown = (message: Message) => shown(state, message, asOf);
      return { root: asShown(root), replies: replies.map(asShown), next };
    },
    [backend, store, room, id],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was missed while offline is loaded again
  useEffect(() => {
    let isWanted = true;
    setFailed(false);
    load().then(
      thread => isWanted && setLoaded(thread),
      () => isWanted && setFailed(true),
    );
    return () => {
      isWanted = false;
    };
  }, [load, attempt, isLive, epoch]);

  const earlier = loaded?.next;
  const loadEarlier = useCallback(() => {
    if (earlier === undefined) return;
    load(earlier).then(
      page =>
        setLoaded(now => now && { ...now, replies: [...page.replies, ...now.replies], next: page.next }),
      () => undefined,
    );
  }, [load, earlier]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the last changes, and who reads, are in the state
  const rows = useMemo(() => {
    if (!loaded) return undefined;
    const state = store.chat.peek();
    const known = new Map(
      [loaded.root, ...loaded.replies].map(one => [one.id, shown(state, one, one.changedSeq)]),
    );
    // What the page follows is newer than what was loaded.
    for (const one of messages) if (one.id === id || one.thread === id) known.set(one.id, one);
    const [root, ...replies] = withPending([...known.values()], changes);
    return { root, replies: replies.sort((a, b) => a.seq - b.seq) };
  }, [loaded, messages, changes, recent, me, store, id]);
  const unsent = outbox.filter(item => item.thread === id);
  return {
    ...{ root: rows?.root, replies: [...(rows?.replies ?? []), ...unsent] },
    ...{ failed, retry: () => setAttempt(one => one + 1) },
    loadEarlier: earlier === undefined ? undefined : loadEarlier,
  };
}
