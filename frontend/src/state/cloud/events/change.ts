import type { CloudEvent } from "../../../contract/generated";
import { type CloudState, WORKLOG_MAX, type WorklogLine } from "../model";
import { withEvents } from "./failures";

/** The Worklog's line of an event, if it has one. */
export function lineOf(event: CloudEvent): WorklogLine[] {
  if (event.type === "retained") return [];
  const { seq, type, command, timestamp, instanceId, actor, reason, reasonCode } = event;
  // A restored server gives a number to another event.
  const line = { key: `e${seq} ${timestamp}`, kind: type, command, timestamp, instanceId, actor, seq };
  const why = {
    ...(reason === undefined ? {} : { detail: reason }),
    ...(reasonCode === undefined ? {} : { reasonCode }),
  };
  return [{ ...line, ...why }];
}

/** The sequence number of the first line, if lines before it were dropped. */
const firstSeqOf = (kept: readonly WorklogLine[], length: number): number | undefined =>
  kept.length < length ? kept.find(line => line.seq !== undefined)?.seq : undefined;

/**
 * Events of instances, in order. Those from before the list are added to the Worklog and change no instance.
 */
export function onChanges(state: CloudState, events: readonly CloudEvent[]): CloudState {
  const fresh = events.filter(event => event.seq > state.seq);
  const last = fresh.at(-1);
  if (!last) return state;
  const instances = new Map(state.instances);
  for (const event of fresh) {
    if (event.seq <= state.listSeq) continue;
    if (event.instance) instances.set(event.instanceId, event.instance);
    else instances.delete(event.instanceId);
  }
  const lines = fresh.flatMap(event => lineOf(event).map(line => ({ event, line })));
  const worklog = [...state.worklog, ...lines.map(({ line }) => line)];
  return {
    ...state,
    instances,
    seq: last.seq,
    timestamp: last.timestamp,
    worklog: worklog.slice(-WORKLOG_MAX),
    logFrom: firstSeqOf(worklog.slice(-WORKLOG_MAX), worklog.length) ?? state.logFrom,
    failures: withEvents(state, lines),
  };
}
