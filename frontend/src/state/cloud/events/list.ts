import type { InstanceList } from "../../../contract/generated";
import type { CloudState } from "../model";

/**
 * The list of instances at a sequence number. The stream starts up to `backfill` events before it, so that the Worklog
 * of a new visitor isn't empty.
 */
export function onList(state: CloudState, list: InstanceList, backfill: number): CloudState {
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
