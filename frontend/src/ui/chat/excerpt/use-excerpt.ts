import { useCallback, useEffect, useState } from "preact/hooks";
import type { Message } from "../../../contract/generated";
import { useApp } from "../../app-context";

/** The messages around a place; undefined while they are loaded. */
export interface Excerpt {
  readonly messages: readonly Message[] | undefined;
  readonly failed: boolean;
  readonly retry: () => void;
}

/** Load the messages of `room` around `seq`. */
export function useExcerpt(room: string, seq: number): Excerpt {
  const { store, backend } = useApp();
  const [messages, setMessages] = useState<readonly Message[]>();
  const [attempt, setAttempt] = useState(0);
  const [failed, setFailed] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt loads again
  useEffect(() => {
    let isWanted = true;
    setFailed(false);
    backend
      .search()
      .then(api => api.around(room, seq, store.token))
      .then(
        found => isWanted && setMessages(found),
        () => isWanted && setFailed(true),
      );
    return () => {
      isWanted = false;
    };
  }, [backend, store, room, seq, attempt]);
  const retry = useCallback(() => setAttempt(one => one + 1), []);
  return { messages, failed, retry };
}
