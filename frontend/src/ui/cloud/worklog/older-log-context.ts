import { createContext } from "preact";
import { useContext, useEffect, useMemo } from "preact/hooks";
import { OlderLog } from "../../../session/older-log";
import { useApp } from "../../app-context";

export const OlderLogContext = createContext<OlderLog | undefined>(undefined);

/** The events before those of the Worklog, as long as the caller is drawn. */
export function useNewOlderLog(): OlderLog {
  const { backend, store } = useApp();
  const olderLog = useMemo(
    () => new OlderLog(backend, store.cloud, () => store.access.readToken()),
    [backend, store],
  );
  useEffect(() => olderLog.stop, [olderLog]);
  return olderLog;
}

export function useOlderLog(): OlderLog {
  const olderLog = useContext(OlderLogContext);
  if (!olderLog) throw new Error("there is no OlderLogContext");
  return olderLog;
}
