import { expect, it } from "vitest";
import type { Instance } from "../../contract/generated";
import { arrange, type Order } from "./instance-order";

const at = (id: string, second: number, state: Instance["state"] = "stopped"): Instance => ({
  id,
  state,
  timestamp: `2026-11-23T20:00:${String(second).padStart(2, "0")}.000Z`,
});
const INSTANCES = [at("b", 3), at("d", 1, "running"), at("a", 2), at("c", 3, "running")];
const ids = (order: Order, instances: readonly Instance[] = INSTANCES) =>
  arrange(instances, "all", order, "").map(one => one.id);

it.each([
  ["recent", ["c", "b", "a", "d"]],
  ["steady", ["d", "a", "b", "c"]],
  ["id", ["a", "b", "c", "d"]],
  ["state", ["c", "d", "a", "b"]],
] as const)("the order %s is the same, however the instances arrived", (order, wanted) => {
  expect(ids(order)).toEqual(wanted);
  expect(ids(order, [...INSTANCES].reverse())).toEqual(wanted);
  expect(
    ids(
      order,
      [...INSTANCES].sort(() => -1),
    ),
  ).toEqual(wanted);
});
