import { useCallback, useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly failed: boolean;
  readonly again: () => void;
}

/** What `load` resolves to, loaded again when it is another function. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ readonly value?: T; readonly failed: boolean }>({ failed: false });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt loads again
  useEffect(() => {
    let isCurrent = true;
    setState({ failed: false });
    load().then(
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
