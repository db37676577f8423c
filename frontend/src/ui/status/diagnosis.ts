import type { Status } from "../../contract/generated";
import type { StatusDictionary } from "../../i18n/status.en";

/** The result of a status request. */
export type StatusResult =
  | { readonly kind: "asking" | "offline" | "noGateway" | "noBroker" | "forbidden" }
  | { readonly kind: "ok"; readonly status: Status; readonly networkMs: number };

export interface Diagnosis {
  readonly mood: "fine" | "warn" | "bad" | "unknown";
  readonly text: string;
  /** The server's own words, in English. */
  readonly detail?: string;
}

/** The stream lag, in messages, above which the status shows a warning; short bursts stay below it. */
const LAG_MAX = 1_000;
const CLOCK_MAX_MS = 500;

/** One sentence on where the problem is, server or network; the most severe problem first. */
export function diagnose(result: StatusResult, t: StatusDictionary): Diagnosis {
  if (result.kind === "asking" || result.kind === "forbidden")
    return { mood: "unknown", text: t[result.kind] };
  if (result.kind !== "ok") return { mood: "bad", text: t[result.kind] };
  const { missing, replicas, streams, clockAheadMs } = result.status;
  if (missing.length > 0) return { mood: "bad", text: t.missing(missing.join(", ")) };
  const unready = replicas.find(replica => replica.problem);
  if (unready?.problem) return { mood: "bad", text: t.notReady(unready.service), detail: unready.problem };
  const late = streams.find(stream => stream.lag > LAG_MAX);
  if (late) return { mood: "warn", text: t.lags(late.name, late.lag) };
  if (Math.abs(clockAheadMs) > CLOCK_MAX_MS) return { mood: "warn", text: t.clock };
  return { mood: "fine", text: t.fine };
}
