import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { MessageHit } from "../../contract/generated";
import { useApp } from "../app-context";

/** How long to wait for the next key before the server is asked. */
const PAUSE_MS = 200;
const HITS_MAX = 10;
/** A single character is the beginning of too many words. */
const LENGTH_MIN = 2;

/** What the server has found for a text. */
export interface FoundMessages {
  /** The text; undefined: nothing was found yet. */
  readonly text?: string;
  readonly hits: readonly MessageHit[];
  /** Whether the server has not indexed all messages yet. */
  readonly isIncomplete?: boolean;
  /** Why there are none: the name of the part of the query that is wrong, `limited` or `failed`. */
  readonly problem?: string | undefined;
}

const NOTHING: FoundMessages = { hits: [] };

/** What is wrong with a query, or with the search itself. */
function problemOf(error: unknown): string {
  if (!(error instanceof ApiError)) return "failed";
  const { code, field } = error.problem;
  if (code === "rate_limited") return "limited";
  return field ?? "failed";
}

/** Find messages while a text is typed; while the server is asked, those for the text before stay. */
export function useMessageSearch(typed: string): FoundMessages {
  const { store, backend } = useApp();
  const [found, setFound] = useState(NOTHING);
  const text = typed.trim();
  useEffect(() => {
    let isWanted = true;
    if ([...text].length < LENGTH_MIN) {
      setFound(NOTHING);
      return;
    }
    const ask = async () => {
      const api = await backend.search();
      const token = store.token ?? store.access.readToken();
      const { messages, complete } = await api.search({ q: text, limit: HITS_MAX }, token);
      return { text, hits: messages, isIncomplete: !complete };
    };
    const timer = setTimeout(() => {
      ask()
        .catch((error: unknown) => ({ text, hits: [], problem: problemOf(error) }))
        .then(next => isWanted && setFound(next));
    }, PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [backend, store, text]);
  return text ? found : NOTHING;
}
