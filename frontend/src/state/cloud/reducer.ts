import { onChanges } from "./events/change";
import { onDismissed, withRefusal } from "./events/failures";
import { onList } from "./events/list";
import { onReset } from "./events/reset";
import { type CloudState, type CloudStateEvent, WORKLOG_MAX } from "./model";

/** The reducer of the cloud. Pure and idempotent: applying an event twice has the same result. */
export function reduceCloud(state: CloudState, event: CloudStateEvent): CloudState {
  switch (event.kind) {
    case "changes":
      return onChanges(state, event.events);
    case "reset":
      return onReset(state);
    case "list":
      return onList(state, event.list, event.backfill);
    case "refused":
      return state.worklog.some(line => line.key === event.line.key)
        ? state
        : {
            ...state,
            worklog: [...state.worklog, event.line].slice(-WORKLOG_MAX),
            failures: withRefusal(state, event.line),
          };
    case "dismissed":
      return onDismissed(state, event.keys);
    case "connection":
      return { ...state, connection: event.connection };
  }
}
