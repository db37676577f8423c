import type { InstanceList } from "../../../contract/generated";
import type { CloudState } from "../model";

/** Whether the sequence numbers of a list mean other events than those of the state. */
export const isOfOtherEpoch = ({ epoch }: Pick<CloudState, "epoch">, list: InstanceList): boolean =>
  epoch !== undefined && list.epoch !== undefined && epoch !== list.epoch;

/** The state without what it has of events; the server's responses to commands of this user stay as notices. */
const withoutEvents = (state: CloudState): CloudState => ({
  ...state,
  seq: 0,
  worklog: [],
  failures: new Map([...state.failures].filter(([, line]) => line.kind === "refused")),
});

/**
 * The list of instances at a sequence number. The stream starts up to `backfill` events before it, so that the Worklog
 * of a new visitor isn't empty. A list of another epoch, as after a restart with new data, begins a new Worklog.
 */
export function onList(before: CloudState, list: InstanceList, backfill: number): CloudState {
  const state = isOfOtherEpoch(before, list) ? withoutEvents(before) : before;
  const seq = Math.max(0, list.seq - backfill, Math.min(state.seq, list.seq));
  const instances = new Map(list.instances.map(instance => [instance.id, instance]));
  const isContinued = state.epoch === list.epoch && seq <= state.seq;
  return {
    ...state,
    instances,
    // Those of instances that are gone are of no use.
    failures: new Map([...state.failures].filter(([at, line]) => at === line.key || instances.has(at))),
    logFrom: isContinued ? state.logFrom : seq + 1,
    loaded: true,
    listSeq: list.seq,
    seq,
    timestamp: seq === list.seq ? list.timestamp : undefined,
    epoch: list.epoch,
  };
}
