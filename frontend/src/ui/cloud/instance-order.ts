import type { Instance } from "../../contract/generated";

export type Shown = "all" | "running" | "stopped" | "pending";
export type Order = "newest" | "oldest" | "id" | "state";

const byId = (a: Instance, b: Instance): number => (a.id < b.id ? -1 : 1);

const isShown = (instance: Instance, shown: Shown): boolean =>
  shown === "all" || (shown === "pending" ? instance.pending !== undefined : instance.state === shown);

/**
 * The instances to show, filtered and sorted. The default order is that in which they appeared, so that rows don't move
 * when states change.
 */
export function arrange(
  instances: readonly Instance[],
  shown: Shown,
  order: Order,
  search: string,
): readonly Instance[] {
  const wanted = search.trim().toLowerCase();
  const found = instances.filter(one => isShown(one, shown) && one.id.toLowerCase().includes(wanted));
  if (order === "newest") return found.reverse();
  if (order === "id") return found.sort(byId);
  if (order === "state")
    return found.sort((a, b) => (a.state === b.state ? byId(a, b) : a.state === "running" ? -1 : 1));
  return found;
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
