import type { CloudEvent, Instance } from "../../../contract/generated";
import { type CloudState, WORKLOG_MAX, type WorklogLine } from "../model";

/** The last event of an instance alone decides what it is; nothing, once it doesn't exist. */
function instanceAfter(event: CloudEvent, before: Instance | undefined): Instance | undefined {
  const undone = event.command === "create" && (event.type === "cancelled" || event.type === "failed");
  if (undone || event.type === "removed") return undefined;
  const { instanceId: id, state, timestamp } = event;
  // A command that was only accepted, called off or failed leaves the state as old as it was.
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
 * Things happened to instances. The events come in order but may begin before the list was taken: those
 * tell the Worklog what was, and change no instance.
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
