import type { Instance } from "../../contract/generated";

export type Shown = "all" | "running" | "stopped" | "pending";
export type Order = "recent" | "steady" | "id" | "state";

const byId = (a: Instance, b: Instance): number => (a.id < b.id ? -1 : 1);

function byChange(a: Instance, b: Instance): number {
  const [one, other] = [Date.parse(a.timestamp), Date.parse(b.timestamp)];
  return one === other ? byId(a, b) : one - other;
}

const isShown = (instance: Instance, shown: Shown): boolean =>
  shown === "all" || (shown === "pending" ? instance.pending !== undefined : instance.state === shown);

/** How orders compare: by what the server says of the instances, so that a reload shows the same order. */
const COMPARE: Readonly<Record<Order, (a: Instance, b: Instance) => number>> = {
  recent: (a, b) => byChange(b, a),
  steady: byChange,
  id: byId,
  state: (a, b) => (a.state === b.state ? byId(a, b) : a.state === "running" ? -1 : 1),
};

/** The instances to show, filtered and sorted. */
export function arrange(
  instances: readonly Instance[],
  shown: Shown,
  order: Order,
  search: string,
): readonly Instance[] {
  const wanted = search.trim().toLowerCase();
  return instances
    .filter(one => isShown(one, shown) && one.id.toLowerCase().includes(wanted))
    .sort(COMPARE[order]);
}

export interface Counts {
  readonly running: number;
  readonly stopped: number;
}

export function countStates(instances: Iterable<Instance>): Counts {
  let running = 0;
  let all = 0;
  for (const { state } of instances) {
    all += 1;
    if (state === "running") running += 1;
  }
  return { running, stopped: all - running };
}
