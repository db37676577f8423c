import { useEffect, useState } from "preact/hooks";
import { RefusedError } from "../../api/errors";
import { useLive } from "../session-context";
import type { Seen } from "./verdict";

const EVERY_MS = 3_000;

/** How the services do, asked every few seconds while somebody looks. */
export function useStatus(): Seen {
  const { backend, session } = useLive();
  const maySee = session.access.may("see_servers");
  const [seen, setSeen] = useState<Seen>({ kind: "asking" });
  useEffect(() => {
    if (!maySee) return setSeen({ kind: "forbidden" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const ask = async () => {
      const found = document.hidden ? undefined : await find();
      if (over) return;
      if (found) setSeen(found);
      timer = setTimeout(ask, EVERY_MS);
    };
    const find = async (): Promise<Seen> => {
      try {
        const began = performance.now();
        // Answered by the gateway alone: how long that takes is the network's doing.
        await backend.session();
        const networkMs = performance.now() - began;
        return { kind: "told", networkMs, status: await backend.status(session.access.readToken()) };
      } catch (error) {
        if (!(error instanceof RefusedError)) return { kind: navigator.onLine ? "noGateway" : "offline" };
        const isOurs = error.code === "unavailable" || error.code === "internal";
        return { kind: isOurs ? "noBroker" : "forbidden" };
      }
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [backend, session, maySee]);
  return seen;
}
