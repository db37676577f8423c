import type { CloudEvent, Instance, NewInstance } from "../../../contract/generated";
import { type CloudState, WORKLOG_MAX, type WorklogLine } from "../model";
import { withEvents } from "./failures";

/** Whether a server was given `name` because none was asked for. */
function isGenerated(name: string, id: string): boolean {
  const digits = id.replaceAll("-", "");
  return name === id || (name.startsWith("server-") && digits.startsWith(name.slice("server-".length)));
}

/** What the creation of `instance` asked for, so that it can be asked for again. A generated name isn't asked for. */
function creationOf({ id, name, provider, template, labels, pending }: Instance): NewInstance {
  return {
    start: pending?.start ?? false,
    ...(isGenerated(name, id) ? {} : { name }),
    ...(template ? { template: `${provider}/${template}` } : {}),
    ...(Object.keys(labels).length > 0 ? { labels } : {}),
  };
}

/** The Worklog's line of an event, if it has one. `before`: the server before the event, if it is known. */
function lineOf(event: CloudEvent, before?: Instance): WorklogLine[] {
  const { seq, type, command, operationId, timestamp, instanceId, actor, reason, reasonCode } = event;
  // Progress is a part of the pending operation.
  if (type === "retained" || type === "working") return [];
  const name = event.instance?.name ?? before?.name;
  const isRenamed = before !== undefined && name !== undefined && before.name !== name;
  return [
    {
      // A restored server gives a number to another event.
      ...{ key: `e${seq} ${timestamp}`, kind: type, timestamp, instanceId, actor, seq },
      ...(command === undefined ? {} : { command }),
      ...(operationId === undefined ? {} : { operationId }),
      ...(name === undefined ? {} : { name }),
      ...(isRenamed ? { formerName: before.name } : {}),
      ...(reason === undefined ? {} : { detail: reason }),
      ...(type === "observed" && event.instance ? { state: event.instance.state } : {}),
      ...(reasonCode === undefined ? {} : { reasonCode }),
      ...(type === "failed" && command === "create" && before ? { creation: creationOf(before) } : {}),
    },
  ];
}

interface EventLine {
  readonly event: CloudEvent;
  readonly line: WorklogLine;
}

/** The lines of events in their order. Changes `instances`, those before the events, to those after them. */
export const linesOf = (events: readonly CloudEvent[], instances: Map<string, Instance>): EventLine[] =>
  events.flatMap(event => {
    const lines = lineOf(event, instances.get(event.instanceId));
    if (event.instance) instances.set(event.instanceId, event.instance);
    else instances.delete(event.instanceId);
    return lines.map(line => ({ event, line }));
  });

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
  const isListed = (event: CloudEvent) => event.seq <= state.listSeq;
  const lines = [
    ...linesOf(fresh.filter(isListed), new Map()),
    ...linesOf(
      fresh.filter(event => !isListed(event)),
      instances,
    ),
  ];
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
