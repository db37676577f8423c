import { describe, expect, it, vi } from "vitest";
import { NetworkError } from "../api/errors";
import { Browser, settle } from "../testing/browser";
import type { AppStore } from "./app-store";
import { OlderLog } from "./older-log";

const browser = new Browser();
const olderLogs = new WeakMap<AppStore, OlderLog>();
const ALL = { instanceId: "", actor: "", kind: "" } as const;

/** The earlier entries of a store, from the first use on. */
function olderLogOf(store: AppStore): OlderLog {
  const known = olderLogs.get(store);
  if (known) return known;
  const made = new OlderLog(browser.backend, store.cloud, () => store.access.readToken());
  olderLogs.set(store, made);
  return made;
}

/** Create `count` servers that are there at once; returns their ids. */
function createServers(count: number): string[] {
  const { cloud } = browser.backend;
  const aMinuteAgo = new Date(Date.now() - 60_000);
  return Array.from({ length: count }, () => {
    const key = `k${cloud.feed.events.length}`;
    return cloud.command({ command: "create", key }, "Bob", aMinuteAgo).instanceId;
  });
}

async function load(store: AppStore, filter: Parameters<OlderLog["load"]>[0]): Promise<void> {
  await Promise.all([olderLogOf(store).load(filter), settle()]);
}

const kinds = (store: AppStore, filter: Parameters<OlderLog["of"]>[0]) =>
  olderLogOf(store)
    .of(filter)
    .lines.map(line => line.kind);

describe("entries from before the Worklog", () => {
  it("are found by server, behind more events than a visitor gets", async () => {
    const [first = ""] = createServers(1);
    createServers(1_100);
    const ann = browser.open();
    await settle();
    const { worklog, logFrom } = ann.cloud.value;
    expect([worklog.length, logFrom]).toEqual([2_000, 203]);
    const filter = { instanceId: first, actor: "", kind: "" } as const;
    expect(worklog.some(line => line.instanceId === first)).toBe(false);
    expect(olderLogOf(ann).of(filter)).toMatchObject({ lines: [], next: 203 });
    await load(ann, filter);
    expect(kinds(ann, filter)).toEqual(["received", "created"]);
    expect(olderLogOf(ann).of(filter).next).toBeUndefined();
    await load(ann, { instanceId: first, actor: "", kind: "created" });
    expect(kinds(ann, { instanceId: first, actor: "", kind: "created" })).toEqual(["created"]);
  });

  it("are loaded page by page to the first, without gaps and repeats", async () => {
    createServers(1_300);
    const ann = browser.open();
    await settle();
    const loaded = olderLogOf(ann).loadAll(ALL);
    await settle();
    expect(await loaded).toBe(true);
    const all = [...olderLogOf(ann).of(ALL).lines, ...ann.cloud.value.worklog];
    expect(all.map(line => line.seq)).toEqual(browser.backend.cloud.feed.events.map(event => event.seq));
  });

  it("are found by time, with both ends", async () => {
    createServers(1_100);
    const ann = browser.open();
    await settle();
    const [first, second] = browser.backend.cloud.feed.events;
    const [from = "", to = ""] = [first?.timestamp ?? "", second?.timestamp ?? ""].sort();
    const filter = { ...ALL, from, to };
    await load(ann, filter);
    const found = olderLogOf(ann).of(filter).lines;
    expect(found.length).toBeGreaterThan(0);
    for (const { timestamp } of found)
      expect(timestamp >= filter.from && timestamp <= filter.to, timestamp).toBe(true);
    await load(ann, { ...ALL, to: "2000-01-01T00:00:00Z" });
    expect(kinds(ann, { ...ALL, to: "2000-01-01T00:00:00Z" })).toEqual([]);
  });

  it("are none if the Worklog is complete, or for refusals", async () => {
    createServers(2);
    const ann = browser.open();
    await settle();
    expect(olderLogOf(ann).of(ALL)).toMatchObject({ lines: [], next: undefined });
    expect(olderLogOf(ann).of({ instanceId: "", actor: "", kind: "refused" }).next).toBeUndefined();
  });

  it("can be tried again after a failure, and an export says that it is not complete", async () => {
    createServers(1_100);
    const ann = browser.open();
    await settle();
    const failing = vi.spyOn(browser.backend, "cloudHistory").mockRejectedValue(new NetworkError("off"));
    expect(await olderLogOf(ann).loadAll(ALL)).toBe(false);
    expect(olderLogOf(ann).of(ALL)).toMatchObject({ lines: [], failed: true, loading: false });
    failing.mockRestore();
    await load(ann, ALL);
    expect(olderLogOf(ann).of(ALL)).toMatchObject({ failed: false, next: undefined, lines: { length: 200 } });
  });

  it("are dropped when the server was set up again, and so is a page that comes late", async () => {
    createServers(1_100);
    const ann = browser.open();
    await settle();
    await load(ann, ALL);
    const late = olderLogOf(ann).load({ instanceId: "i1", actor: "", kind: "" });
    browser.backend.cloud.renew();
    await settle(15_000);
    await late;
    expect(olderLogOf(ann).of(ALL)).toMatchObject({ lines: [], next: undefined });
    expect(olderLogOf(ann).of({ instanceId: "i1", actor: "", kind: "" }).lines).toEqual([]);
  });
});

describe("the Worklog of a portal that was set up again while the page was offline", () => {
  async function comeBack(store: AppStore, servers: number): Promise<void> {
    browser.backend.setReachable(false);
    await settle();
    browser.backend.cloud.renew();
    createServers(servers);
    browser.backend.setReachable(true);
    await settle(20_000);
    expect(store.cloud.value.connection.phase).toBe("live");
  }
  const seqs = (store: AppStore) => store.cloud.value.worklog.map(line => line.seq);

  it.each([1, 3])("has only its events, from the first: %i servers after 2", async servers => {
    createServers(2);
    const ann = browser.open();
    await settle();
    await comeBack(ann, servers);
    const { events } = browser.backend.cloud.feed;
    expect(ann.cloud.value.worklog.map(line => line.instanceId)).toEqual(events.map(one => one.instanceId));
    expect(seqs(ann)).toEqual(events.map(event => event.seq));
    expect(olderLogOf(ann).of(ALL)).toMatchObject({ lines: [], next: undefined });
  });

  it("continues before what a visitor gets with earlier entries, without gaps and repeats", async () => {
    createServers(2);
    const ann = browser.open();
    await settle();
    await comeBack(ann, 1_100);
    expect(ann.cloud.value).toMatchObject({ logFrom: 201, worklog: { length: 2_000 } });
    await load(ann, ALL);
    expect([
      ...olderLogOf(ann)
        .of(ALL)
        .lines.map(line => line.seq),
      ...seqs(ann),
    ]).toEqual(browser.backend.cloud.feed.events.map(event => event.seq));
  });

  it("drops the failures of its servers, and keeps what was refused", async () => {
    const ann = browser.open();
    await settle();
    browser.backend.cloud.failure = "no room";
    browser.backend.cloud.command({ command: "create", key: "k" }, "Bob");
    await settle(11_000);
    await Promise.all([ann.commandSender.run("create"), settle(1_000)]);
    const kinds = () => [...ann.cloud.value.failures.values()].map(line => line.kind);
    expect(kinds()).toEqual(["failed", "refused"]);
    await comeBack(ann, 0);
    expect(kinds()).toEqual(["refused"]);
  });
});
