import { type CloudEvent, CREATING, type EventType } from "../../../contract/generated";
import { type CloudState, DISMISSED_MAX, FAILED_CREATIONS_MAX, type WorklogLine } from "../model";

type Failures = CloudState["failures"];

/** Where a failure is shown: at its instance, or by itself if there is none. */
const placeOf = ({ command, instanceId, key }: WorklogLine): string =>
  (command && CREATING.includes(command)) || instanceId === undefined ? key : instanceId;

/** The events that say nothing about whether a server works. */
const QUIET: readonly EventType[] = ["renamed", "labeled", "protected", "unprotected"];

const endsFailure = ({ type, instance }: CloudEvent): boolean =>
  type === "observed" ? instance?.condition === "ok" : !QUIET.includes(type);

function limited(failures: ReadonlyMap<string, WorklogLine>): Failures {
  const creations = [...failures].filter(([place, line]) => place === line.key);
  const surplus = new Set(creations.slice(0, -FAILED_CREATIONS_MAX).map(([place]) => place));
  return surplus.size > 0 ? new Map([...failures].filter(([place]) => !surplus.has(place))) : failures;
}

/** The failures after the server's response to a command of this user. */
export const withRefusal = ({ failures, dismissed }: CloudState, line: WorklogLine): Failures =>
  dismissed.includes(line.key) ? failures : limited(new Map(failures).set(placeOf(line), line));

/** The failures after `events` of instances, with the line of each: its next command ends a server's failure. */
export function withEvents(
  { failures, dismissed }: CloudState,
  events: readonly { readonly event: CloudEvent; readonly line: WorklogLine }[],
): Failures {
  if (failures.size === 0 && events.every(({ event }) => event.type !== "failed")) return failures;
  const next = new Map(failures);
  for (const { event, line } of events) {
    if (endsFailure(event)) next.delete(event.instanceId);
    if (event.type === "failed" && !dismissed.includes(line.key)) next.set(placeOf(line), line);
  }
  return limited(next);
}

/** Dismiss the failures with these lines. */
export function onDismissed(state: CloudState, keys: readonly string[]): CloudState {
  const dismissed = [...new Set([...state.dismissed, ...keys])].slice(-DISMISSED_MAX);
  const failures = new Map([...state.failures].filter(([, line]) => !keys.includes(line.key)));
  return { ...state, dismissed, failures };
}
