import { useCallback, useEffect, useState } from "preact/hooks";
import { isTransient } from "../../../api/errors";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly failed: boolean;
  readonly again: () => void;
}

/** How often something is asked for that can't be answered at the moment, and how long to wait in between. */
const ATTEMPTS_MAX = 4;
const RETRY_MS = 700;

async function withRetries<T>(load: () => Promise<T>, isWanted: () => boolean): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await load();
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !isTransient(error) || !isWanted()) throw error;
      await new Promise(resolve => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** What `load` resolves to, loaded again when it is another function. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ readonly value?: T; readonly failed: boolean }>({ failed: false });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt loads again
  useEffect(() => {
    let isCurrent = true;
    setState({ failed: false });
    withRetries(load, () => isCurrent).then(
      value => isCurrent && setState({ value, failed: false }),
      () => isCurrent && setState({ failed: true }),
    );
    return () => {
      isCurrent = false;
    };
  }, [load, attempt]);
  const again = useCallback(() => setAttempt(n => n + 1), []);
  return { value: state.value, failed: state.failed, again };
}
