import type { Instance } from "../../../contract/generated";
import type { ServerStatus } from "../../../state/cloud/server-status";

/** The groups of servers, each of which is in one of them and in "all". */
export const SHOWN = ["all", "running", "stopped", "pending", "problem"] as const;
export type Shown = (typeof SHOWN)[number];
export const ORDERS = ["recent", "steady", "name", "state"] as const;
export type Order = (typeof ORDERS)[number];

/** A server and what its row shows of it. */
export interface Server {
  readonly instance: Instance;
  readonly status: ServerStatus;
}

const byName = (a: Instance, b: Instance): number =>
  a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1;

function byChange(a: Instance, b: Instance): number {
  const [one, other] = [Date.parse(a.timestamp), Date.parse(b.timestamp)];
  return one === other ? byName(a, b) : one - other;
}

export function groupOf({ kind }: ServerStatus): Exclude<Shown, "all"> {
  return kind === "pending" || kind === "running" || kind === "stopped" ? kind : "problem";
}

/** How orders compare: by what the server says of the instances, so that a reload shows the same order. */
const COMPARE: Readonly<Record<Order, (a: Instance, b: Instance) => number>> = {
  recent: (a, b) => byChange(b, a),
  steady: byChange,
  name: byName,
  state: (a, b) => (a.state === b.state ? byName(a, b) : a.state === "running" ? -1 : 1),
};

/** A label as text: `key=value`, or the key alone if the value is empty. */
export const labelText = ([key, value]: readonly [string, string]): string =>
  value ? `${key}=${value}` : key;

/** Whether a server has what one word of a search asks for: a label, or a part of another text. */
function matches(
  { id, name, labels, provider, template = "", address = "" }: Instance,
  word: string,
): boolean {
  const texts = Object.entries(labels).map(labelText);
  if (texts.some(text => text.toLowerCase() === word)) return true;
  return [id, name, provider, template, address, ...texts].some(text => text.toLowerCase().includes(word));
}

/** The servers to show, filtered and sorted. Each word of `search` must match. */
export function arrange(
  servers: readonly Server[],
  shown: Shown,
  order: Order,
  search: string,
): readonly Server[] {
  const words = search
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean);
  return servers
    .filter(
      ({ instance, status }) =>
        (shown === "all" || groupOf(status) === shown) && words.every(word => matches(instance, word)),
    )
    .sort((a, b) => COMPARE[order](a.instance, b.instance));
}

/** How many servers each group has. */
export function countGroups(servers: readonly Server[]): Readonly<Record<Shown, number>> {
  const counts = { all: servers.length, running: 0, stopped: 0, pending: 0, problem: 0 };
  for (const { status } of servers) counts[groupOf(status)] += 1;
  return counts;
}
