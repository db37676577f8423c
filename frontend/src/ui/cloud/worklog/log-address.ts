import type { Instance } from "../../../contract/generated";
import type { WorklogKind } from "../../../state/cloud/model";
import { rangeOfDays } from "../../../text/days";
import type { EntryFilter } from "../../../text/worklog-entries";

/** The filters of the Worklog, as its address has them; empty texts are no filter. */
export interface LogFilters {
  /** The name or id of a server. */
  readonly server: string;
  readonly who: string;
  readonly what: WorklogKind | "";
  /** The first and the last day, such as `2026-11-28`. */
  readonly from: string;
  readonly to: string;
  readonly q: string;
}

export const NO_LOG_FILTERS: LogFilters = { server: "", who: "", what: "", from: "", to: "", q: "" };

/** The filters of an address; what it has that isn't one is ignored. `kinds`: those that can be asked for. */
export function parseLogFilters(query: string, kinds: readonly string[]): LogFilters {
  const read = new URLSearchParams(query);
  const text = (name: keyof LogFilters) => read.get(name) ?? "";
  const day = (name: "from" | "to") => {
    const { from, to } = rangeOfDays(text(name), text(name));
    return from && to ? text(name) : "";
  };
  const what = text("what");
  return {
    ...{ server: text("server"), who: text("who"), q: text("q"), from: day("from"), to: day("to") },
    what: kinds.includes(what) ? (what as WorklogKind) : "",
  };
}

/** The server of an id or a name; an id comes first. */
export const findServer = (instances: ReadonlyMap<string, Instance>, ref: string): Instance | undefined =>
  instances.get(ref) ?? [...instances.values()].find(one => one.name === ref);

/** The entries that the filters of an address ask for. */
export function entryFilterOf(
  { server, who, what, from, to, q }: LogFilters,
  instances: ReadonlyMap<string, Instance>,
): EntryFilter {
  const instanceId = server && (findServer(instances, server)?.id ?? server);
  return { instanceId, actor: who, kind: what, text: q, ...rangeOfDays(from, to) };
}
