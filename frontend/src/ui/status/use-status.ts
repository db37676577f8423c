import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import { useApp } from "../app-context";
import type { StatusResult } from "./diagnosis";

const POLL_INTERVAL_MS = 3_000;

/** Poll the status while the tab is visible. */
export function useStatus(): StatusResult {
  const { backend, store } = useApp();
  const maySee = store.access.may("see_servers");
  const [result, setResult] = useState<StatusResult>({ kind: "asking" });
  useEffect(() => {
    if (!maySee) return setResult({ kind: "forbidden" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = false;
    const poll = async () => {
      const found = document.hidden ? undefined : await fetchStatus();
      if (stopped) return;
      if (found) setResult(found);
      timer = setTimeout(poll, POLL_INTERVAL_MS);
    };
    const fetchStatus = async (): Promise<StatusResult> => {
      try {
        const began = performance.now();
        // The gateway handles this request alone, so its latency is that of the network.
        await backend.session();
        const networkMs = performance.now() - began;
        return { kind: "ok", networkMs, status: await backend.status(store.access.readToken()) };
      } catch (error) {
        if (!(error instanceof ApiError)) return { kind: navigator.onLine ? "noGateway" : "offline" };
        const isOurs = error.code === "unavailable" || error.code === "internal";
        return { kind: isOurs ? "noBroker" : "forbidden" };
      }
    };
    void poll();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [backend, store, maySee]);
  return result;
}
