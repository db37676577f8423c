import { expect, it } from "vitest";
import type { Instance, ProviderView } from "../../contract/generated";
import { EMPTY_CLOUD, type WorklogLine } from "./model";
import { type Providers, statusOf } from "./server-status";

const SERVER: Instance = {
  ...{ id: "i1", name: "web-1", state: "running", timestamp: "t", labels: {} },
  ...{ provider: "docker", protected: false, condition: "ok" },
};
const provider = (connected: boolean): ProviderView => ({
  ...{ name: "docker", kind: "docker", connected, seenAt: "then", capabilities: [], templates: [] },
});
const HERE: Providers = new Map([["docker", provider(true)]]);
const AWAY: Providers = new Map([["docker", provider(false)]]);
const pending = { id: "o1", command: "stop", actor: "Ann", acceptedAt: "t", dueAt: "t" } as const;
const line: WorklogLine = { key: "e1", kind: "failed", command: "stop", timestamp: "t", detail: "busy" };
const failed = { ...SERVER, condition: "failed" as const, reason: "exit 137" };

it.each([
  ["its state", SERVER, HERE, { kind: "running" }],
  ["its state as long as providers are unknown", SERVER, undefined, { kind: "running" }],
  ["that its provider is away", SERVER, AWAY, { kind: "away", seenAt: "then" }],
  ["that its provider is unknown", SERVER, new Map(), { kind: "away" }],
  ["what is pending, above all", { ...failed, pending }, AWAY, { kind: "pending" }],
  ["that it is lost, also without its provider", { ...SERVER, condition: "lost" }, AWAY, { kind: "lost" }],
  ["that it is unknown", { ...SERVER, condition: "unknown" }, HERE, { kind: "unknown" }],
  ["why it failed", failed, HERE, { kind: "failed", failure: { reason: "exit 137" } }],
] as [string, Instance, Providers, object][])("a server shows %s", (_what, instance, providers, expected) => {
  expect(statusOf(EMPTY_CLOUD, instance, providers)).toMatchObject(expected);
});

it("a failed command comes before the condition, and dismissing it dismisses both", () => {
  const failures = new Map([["i1", line]]);
  const status = statusOf({ failures, dismissed: [] }, failed, HERE);
  expect(status).toMatchObject({ kind: "failed", failure: { command: "stop", reason: "busy", line } });
  const dismissed = status.kind === "failed" ? status.failure.keys : [];
  expect(statusOf({ failures: new Map(), dismissed }, failed, HERE)).toEqual({ kind: "running" });
  const again = { ...failed, timestamp: "later" };
  expect(statusOf({ failures: new Map(), dismissed }, again, HERE)).toMatchObject({ kind: "failed" });
});
