import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { HooksApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { ErrorCode, Hook } from "../../contract/generated";
import { useApp } from "../app-context";

export type HookProblem = ErrorCode | "unreachable";

export const problemOf = (error: unknown): HookProblem =>
  error instanceof ApiError ? error.code : "unreachable";

export interface Hooks {
  /** Undefined until the server has responded. */
  readonly hooks: readonly Hook[] | undefined;
  readonly problem: HookProblem | undefined;
  /** Load the list again. */
  readonly reload: () => void;
  /** Do something with the API. Throws what the backend throws. */
  readonly perform: <T>(work: (api: HooksApi, token: string | undefined) => Promise<T>) => Promise<T>;
}

/** The hooks, and what an admin does to them. */
export function useHooks(): Hooks {
  const { backend, store } = useApp();
  const [hooks, setHooks] = useState<readonly Hook[]>();
  const [problem, setProblem] = useState<HookProblem>();
  const isMounted = useRef(true);
  const perform = useCallback(
    async <T>(work: (api: HooksApi, token: string | undefined) => Promise<T>): Promise<T> =>
      work(await backend.hooks(), store.token),
    [backend, store],
  );
  const reload = useCallback(() => {
    perform((api, token) => api.list(token)).then(
      found => {
        if (!isMounted.current) return;
        setHooks(found);
        setProblem(undefined);
      },
      error => isMounted.current && setProblem(problemOf(error)),
    );
  }, [perform]);
  useEffect(() => {
    isMounted.current = true;
    reload();
    return () => {
      isMounted.current = false;
    };
  }, [reload]);
  return { hooks, problem, reload, perform };
}
