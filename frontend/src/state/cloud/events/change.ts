import type { CloudEvent, Instance } from "../../../contract/generated";
import { type CloudState, WORKLOG_MAX, type WorklogLine } from "../model";

/** The instance after `event`; undefined if it no longer exists. */
function instanceAfter(event: CloudEvent, before: Instance | undefined): Instance | undefined {
  const undone = event.command === "create" && (event.type === "cancelled" || event.type === "failed");
  if (undone || event.type === "removed") return undefined;
  const { instanceId: id, state, timestamp } = event;
  // An accepted, cancelled or failed command doesn't change the time of the state.
  const since = before?.state === state ? before.timestamp : timestamp;
  if (event.type !== "received")
    return { id, state, timestamp: event.type === "created" ? timestamp : since };
  const pending = {
    id: event.operationId,
    command: event.command,
    actor: event.actor,
    acceptedAt: timestamp,
    dueAt: event.dueAt ?? timestamp,
  };
  return { id, state, timestamp: since, pending };
}

function lineOf(event: CloudEvent): WorklogLine[] {
  if (event.type === "retained") return [];
  const { seq, type, command, timestamp, instanceId, actor, reason } = event;
  const line = { key: `e${seq}`, kind: type, command, timestamp, instanceId, actor, seq };
  return [reason === undefined ? line : { ...line, detail: reason }];
}

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
    const after = instanceAfter(event, instances.get(event.instanceId));
    if (after) instances.set(event.instanceId, after);
    else instances.delete(event.instanceId);
  }
  const worklog = [...state.worklog, ...fresh.flatMap(lineOf)];
  return { ...state, instances, seq: last.seq, worklog: worklog.slice(-WORKLOG_MAX) };
}
