import { describe, expect, it } from "vitest";
import type { CloudEvent, Instance } from "../../contract/generated";
import { createMockBackend } from "../../mock-server/backend";
import { type CloudState, type CloudStateEvent, EMPTY_CLOUD } from "./model";
import { reduceCloud } from "./reducer";

const event = (seq: number, part: Partial<CloudEvent>): CloudEvent => ({
  seq,
  type: "received",
  instanceId: "i1",
  operationId: `o${seq}`,
  command: "create",
  state: "stopped",
  actor: "Ann",
  timestamp: `2026-11-23T20:00:${String(seq).padStart(2, "0")}.000Z`,
  ...part,
});
const changes = (...events: CloudEvent[]): CloudStateEvent => ({ kind: "changes", events });
const list = (seq: number, instances: Instance[], backfill = 0): CloudStateEvent => ({
  kind: "list",
  list: { seq, instances },
  backfill,
});
const apply = (events: readonly CloudStateEvent[], from: CloudState = EMPTY_CLOUD) =>
  events.reduce(reduceCloud, from);
const stopped: Instance = {
  id: "i1",
  state: "stopped",
  timestamp: "2026-11-23T20:00:01.000Z",
  name: "web-1",
  labels: {},
  provider: "simulated",
  protected: false,
  condition: "ok",
};

describe("an instance", () => {
  it("is what the last event says", () => {
    const dueAt = "2026-11-23T20:00:11.000Z";
    const pending = {
      id: "o1",
      command: "create",
      actor: "Ann",
      acceptedAt: stopped.timestamp,
      dueAt,
    } as const;
    const received = apply([list(0, []), changes(event(1, { dueAt, instance: { ...stopped, pending } }))]);
    expect(received.instances.get("i1")).toEqual({ ...stopped, pending });
    const created = apply([changes(event(2, { type: "created", instance: stopped }))], received);
    expect(created.instances.get("i1")).toEqual(stopped);
  });

  it("disappears when an event leaves none: removed, or its creation cancelled or failed", () => {
    for (const last of [
      event(2, { type: "removed", command: "remove" }),
      event(2, { type: "cancelled" }),
      event(2, { type: "failed", reason: "no room" }),
    ]) {
      const first = changes(event(1, { instance: stopped }));
      expect(apply([list(0, []), first, changes(last)]).instances.size).toBe(0);
    }
  });
});

describe("the stream", () => {
  it("may start before the list: that fills the Worklog and changes no instance", () => {
    const removed = event(3, { type: "removed", command: "remove" });
    const state = apply([
      list(4, [stopped], 4),
      changes(event(1, {}), event(2, { type: "created" }), removed),
    ]);
    expect(state.instances.size).toBe(1);
    expect(state.worklog.map(line => line.kind)).toEqual(["received", "created", "removed"]);
  });

  it("ignores duplicate events", () => {
    const once = apply([list(0, []), changes(event(1, {}), event(2, { type: "created" }))]);
    expect(reduceCloud(once, changes(event(1, {}), event(2, { type: "created" })))).toBe(once);
  });

  it("continues from the new list after a reset, and keeps the Worklog", () => {
    const state = apply([list(0, []), changes(event(1, {})), { kind: "reset" }, list(90, [stopped])]);
    expect(state).toMatchObject({ seq: 90, listSeq: 90, loaded: true });
    expect(state.worklog).toHaveLength(1);
  });

  it("is resumed with the epoch of the list and the timestamp of the last event", () => {
    const timestamp = "2026-11-23T20:00:09.000Z";
    const listed: CloudStateEvent = {
      kind: "list",
      list: { seq: 9, instances: [], epoch: "e1", timestamp },
      backfill: 0,
    };
    const state = apply([listed]);
    expect(state).toMatchObject({ seq: 9, epoch: "e1", timestamp });
    const later = event(10, {});
    expect(apply([changes(later)], state)).toMatchObject({
      seq: 10,
      timestamp: later.timestamp,
      epoch: "e1",
    });
    const backfilled = apply([{ ...listed, backfill: 5 }]);
    expect(backfilled.seq).toBe(4);
    expect(backfilled.timestamp).toBeUndefined();
  });

  it("may give a number to another event after a reset: the Worklog has both", () => {
    const other = event(1, { timestamp: "2026-11-24T00:00:00.000Z" });
    const state = apply([list(0, []), changes(event(1, {})), { kind: "reset" }, list(0, []), changes(other)]);
    expect(new Set(state.worklog.map(line => line.key)).size).toBe(2);
  });

  it("doesn't log retained events", () => {
    const state = apply([list(0, []), changes(event(1, { type: "retained", instance: stopped }))]);
    expect(state.worklog).toEqual([]);
    expect(state.instances.has("i1")).toBe(true);
  });
});

it("logs an error response once, even if several windows publish it", () => {
  const refused: CloudStateEvent = {
    kind: "refused",
    line: { key: "r1", kind: "refused", command: "start", timestamp: "t", code: "operation_pending" },
  };
  expect(apply([refused, refused]).worklog).toHaveLength(1);
});

it("folds a list and the events after it into the same state as a new list", () => {
  // A fixed seed makes failures reproducible.
  let seed = 7;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed % n;
  };
  const { cloud } = createMockBackend({ delayMs: 0, latencyMs: 0 });
  let state = apply([list(0, [])]);
  const commands = ["create", "start", "stop", "remove"] as const;
  for (let step = 0; step < 400; step += 1) {
    const command = commands[random(4)] ?? "create";
    const ids = cloud.list().instances.map(one => one.id);
    const instanceId = ids[random(Math.max(1, ids.length))];
    try {
      cloud.command(
        { command, key: `k${step}`, ...(command === "create" || !instanceId ? {} : { instanceId }) },
        "Ann",
        new Date(step * 1000),
      );
    } catch {
      // Rejected commands are expected; they must change nothing.
    }
    state = reduceCloud(state, changes(...cloud.feed.events.filter(one => one.seq > state.seq)));
  }
  const fresh = new Map(cloud.list().instances.map(one => [one.id, one]));
  expect(new Map(state.instances)).toEqual(fresh);
  expect(fresh.size).toBeGreaterThan(3);
});
