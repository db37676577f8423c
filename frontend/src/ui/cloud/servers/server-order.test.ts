import { expect, it } from "vitest";
import type { Instance } from "../../../contract/generated";
import { arrange, countGroups, type Order, type Server } from "./server-order";

const at = (name: string, second: number, part: Partial<Instance> = {}): Server => {
  const instance: Instance = {
    ...{ id: `id-${name}`, name, state: "stopped", labels: {}, provider: "docker" },
    ...{ timestamp: `2026-11-23T20:00:${String(second).padStart(2, "0")}.000Z` },
    ...{ protected: false, condition: "ok" },
    ...part,
  };
  return { instance, status: { kind: instance.state } };
};
const SERVERS = [
  at("b", 3, { labels: { env: "prod", ci: "" } }),
  at("d", 1, { state: "running", template: "web-small" }),
  at("a", 2, { labels: { env: "production" } }),
  at("c", 3, { state: "running", address: "10.0.0.4:8080" }),
];
const names = (order: Order, servers = SERVERS, search = "") =>
  arrange(servers, "all", order, search).map(({ instance }) => instance.name);

it.each([
  ["recent", ["c", "b", "a", "d"]],
  ["steady", ["d", "a", "b", "c"]],
  ["name", ["a", "b", "c", "d"]],
  ["state", ["c", "d", "a", "b"]],
] as const)("the order %s is the same, however the servers arrived", (order, wanted) => {
  expect(names(order)).toEqual(wanted);
  expect(names(order, [...SERVERS].reverse())).toEqual(wanted);
  expect(
    names(
      order,
      [...SERVERS].sort(() => -1),
    ),
  ).toEqual(wanted);
});

it.each([
  ["env=prod", ["a", "b"]],
  ["ci", ["b"]],
  ["WEB-small", ["d"]],
  ["10.0.0.4", ["c"]],
  ["id-a", ["a"]],
  ["docker env=", ["a", "b"]],
  ["docker nothing", []],
])("the search %s finds servers by all that their rows show", (search, wanted) => {
  expect(names("name", SERVERS, search)).toEqual(wanted);
});

it("each server is counted in one group", () => {
  const lost: Server = { instance: at("x", 1).instance, status: { kind: "lost", reason: "" } };
  expect(countGroups([...SERVERS, lost])).toEqual({ all: 5, running: 2, stopped: 2, pending: 0, problem: 1 });
});
