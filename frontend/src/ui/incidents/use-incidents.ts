import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode, Incident } from "../../contract/generated";
import { useApp } from "../app-context";

export type IncidentProblem = ErrorCode | "unreachable";

export const problemOf = (error: unknown): IncidentProblem =>
  error instanceof ApiError ? error.code : "unreachable";

interface Loaded {
  readonly incidents: readonly Incident[];
  /** The `before` of the next page; undefined: all are loaded. */
  readonly next?: number | undefined;
}

export interface IncidentList {
  /** Undefined until the server has responded. */
  readonly incidents: readonly Incident[] | undefined;
  readonly problem: IncidentProblem | undefined;
  readonly retry: () => void;
  /** Load earlier ones; undefined if there are none. */
  readonly more: (() => void) | undefined;
}

/** The incidents with a status, the one that changed last first. */
export function useIncidents(status: Incident["status"] | undefined): IncidentList {
  const { backend, store } = useApp();
  const [loaded, setLoaded] = useState<Loaded>();
  const [problem, setProblem] = useState<IncidentProblem>();
  // An answer to an earlier question must not replace a later one.
  const asked = useRef(0);
  const load = useCallback(
    async (before?: number) => {
      const mine = ++asked.current;
      setProblem(undefined);
      try {
        const api = await backend.incidents();
        const query = { ...(status && { status }), ...(before === undefined ? {} : { before }) };
        const page = await api.list(query, store.token);
        if (mine !== asked.current) return;
        setLoaded(known => {
          const earlier = before === undefined ? [] : (known?.incidents ?? []);
          // One that changed meanwhile is on two pages.
          const fresh = page.incidents.filter(one => !earlier.some(other => other.id === one.id));
          return { incidents: [...earlier, ...fresh], next: page.next };
        });
      } catch (error) {
        if (mine === asked.current) setProblem(problemOf(error));
      }
    },
    [backend, store, status],
  );
  useEffect(() => {
    setLoaded(undefined);
    void load();
    return () => {
      asked.current += 1;
    };
  }, [load]);
  const next = loaded?.next;
  return {
    incidents: loaded?.incidents,
    problem,
    retry: () => void load(next),
    more: next === undefined ? undefined : () => void load(next),
  };
}
