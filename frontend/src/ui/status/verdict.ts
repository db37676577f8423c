import type { Status } from "../../contract/generated";
import type { StatusWords } from "./words";

/** What came of asking: an answer, or by whom there was none. */
export type Seen =
  | { readonly kind: "asking" | "offline" | "noGateway" | "noBroker" | "forbidden" }
  | { readonly kind: "told"; readonly status: Status; readonly networkMs: number };

export interface Verdict {
  readonly mood: "fine" | "warn" | "bad" | "unknown";
  readonly text: string;
}

/** Behind by so much, a stream's readers see what was long ago; a passing wave is no reason to worry. */
const LAG_MAX = 1_000;
const CLOCK_MAX_MS = 500;

/** Is it us or the network: one sentence, the gravest first. */
export function judge(seen: Seen, t: StatusWords): Verdict {
  if (seen.kind === "asking" || seen.kind === "forbidden") return { mood: "unknown", text: t[seen.kind] };
  if (seen.kind !== "told") return { mood: "bad", text: t[seen.kind] };
  const { missing, streams, clockAheadMs } = seen.status;
  if (missing.length > 0) return { mood: "bad", text: t.missing(missing.join(", ")) };
  const late = streams.find(stream => stream.lag > LAG_MAX);
  if (late) return { mood: "warn", text: t.lags(late.name, late.lag) };
  if (Math.abs(clockAheadMs) > CLOCK_MAX_MS) return { mood: "warn", text: t.clock };
  return { mood: "fine", text: t.fine };
}
