import type { InstanceList } from "../../../contract/generated";
import type { CloudState } from "../model";

/**
 * The list of instances at a sequence number. The stream starts up to `backfill` events before it, so that the Worklog
 * of a new visitor isn't empty.
 */
export function onList(state: CloudState, list: InstanceList, backfill: number): CloudState {
  const seq = Math.max(0, list.seq - backfill, Math.min(state.seq, list.seq));
  const byAge = [...list.instances].sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1));
  return {
    ...state,
    instances: new Map(byAge.map(instance => [instance.id, instance])),
    loaded: true,
    listSeq: list.seq,
    seq,
    timestamp: seq === list.seq ? list.timestamp : undefined,
    epoch: list.epoch,
  };
}
