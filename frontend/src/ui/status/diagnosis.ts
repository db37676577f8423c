import type { Status } from "../../contract/generated";
import type { StatusDictionary } from "../../i18n/status.en";

/** What came of asking: an answer, or by whom there was none. */
export type StatusResult =
  | { readonly kind: "asking" | "offline" | "noGateway" | "noBroker" | "forbidden" }
  | { readonly kind: "told"; readonly status: Status; readonly networkMs: number };

export interface Diagnosis {
  readonly mood: "fine" | "warn" | "bad" | "unknown";
  readonly text: string;
}

/** Behind by so much, a stream's readers see what was long ago; a passing wave is no reason to worry. */
const LAG_MAX = 1_000;
const CLOCK_MAX_MS = 500;

/** Is it us or the network: one sentence, the gravest first. */
export function diagnose(result: StatusResult, t: StatusDictionary): Diagnosis {
  if (result.kind === "asking" || result.kind === "forbidden")
    return { mood: "unknown", text: t[result.kind] };
  if (result.kind !== "told") return { mood: "bad", text: t[result.kind] };
  const { missing, streams, clockAheadMs } = result.status;
  if (missing.length > 0) return { mood: "bad", text: t.missing(missing.join(", ")) };
  const late = streams.find(stream => stream.lag > LAG_MAX);
  if (late) return { mood: "warn", text: t.lags(late.name, late.lag) };
  if (Math.abs(clockAheadMs) > CLOCK_MAX_MS) return { mood: "warn", text: t.clock };
  return { mood: "fine", text: t.fine };
}
