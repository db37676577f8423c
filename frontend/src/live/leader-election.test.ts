import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryChannels, memoryLocks } from "../testing/fakes";
import { LeaderElection } from "./leader-election";

/** The election of one tab, and what it reported. */
class Tab {
  readonly reports: string[] = [];
  readonly election: LeaderElection;

  constructor(options: Partial<ConstructorParameters<typeof LeaderElection>[0]> = {}) {
    this.election = new LeaderElection({
      name: "tabs",
      locks: undefined,
      openChannel: name => {
        openedElections += 1;
        return openChannel(name);
      },
      onLead: () => void this.reports.push("lead"),
      onStepDown: () => void this.reports.push("step down"),
      onFollow: () => void this.reports.push("follow"),
      ...options,
    });
    tabs.push(this);
    this.election.join();
  }
}

const tabs: Tab[] = [];
let openedElections = 0;
const leaders = () => tabs.filter(tab => tab.election.isLeader);
let openChannel = memoryChannels();

/** Let time pass until `condition` is true, at most `withinMs`. */
async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  for (let ms = 0; ms < withinMs && !condition(); ms += 10) await vi.advanceTimersByTimeAsync(10);
  expect(condition()).toBe(true);
}

/** Let so much time pass that every timer of an election has fired several times. */
const settled = () => vi.advanceTimersByTimeAsync(60_000);

beforeEach(() => {
  vi.useFakeTimers();
  openChannel = memoryChannels();
});

afterEach(() => {
  for (const { election } of tabs.splice(0)) election.leave();
  openedElections = 0;
  vi.useRealTimers();
});

it("leads alone, and asks for the lock once, if the browser rejects the lock", async () => {
  const request = vi.fn(async () => {
    throw new DOMException("denied", "SecurityError");
  });
  const alone = new Tab({ locks: { request }, openChannel: undefined });
  const together = [1, 2, 3].map(() => new Tab({ locks: { request } }));
  await until(() => leaders().length === 2);
  await settled();
  expect(alone.reports).toEqual(["lead"]);
  expect(together.flatMap(tab => tab.reports)).toEqual(["lead"]);
  expect(request).toHaveBeenCalledTimes(3);
});

it("queues for a stolen lock, with a delay", async () => {
  const locks = memoryLocks();
  const request = vi.spyOn(locks, "request");
  const [first, second] = [new Tab({ locks }), new Tab({ locks })];
  await until(() => first.election.isLeader);
  second.election.takeOver();
  await until(() => first.reports.length === 3);
  expect(first.reports).toEqual(["lead", "step down", "follow"]);
  expect(request).toHaveBeenCalledTimes(3);
  await until(() => request.mock.calls.length === 4);
  second.election.leave();
  await until(() => first.election.isLeader);
});

it("has one leader among eight tabs without locks, and another one when it closes", async () => {
  for (let n = 0; n < 8; n += 1) new Tab();
  await until(() => leaders().length === 1);
  await settled();
  expect(tabs.flatMap(tab => tab.reports)).toEqual(["lead"]);
  const late = new Tab();
  await settled();
  expect(late.reports).toEqual([]);
  const [first] = leaders();
  first?.election.leave();
  // Sooner than a follower asks for the leader by itself.
  await until(() => leaders().length === 1, 1_000);
  expect(leaders()[0]).not.toBe(first);
});

it("has another leader without locks when the first one crashes", async () => {
  const channels: BroadcastChannel[] = [];
  const first = new Tab({
    openChannel: name => {
      channels.push(openChannel(name));
      return channels[0];
    },
  });
  await until(() => first.election.isLeader);
  const [second, third] = [new Tab(), new Tab()];
  await settled();
  channels[0]?.close();
  tabs.shift();
  await until(() => second.election.isLeader || third.election.isLeader);
  await settled();
  expect([...second.reports, ...third.reports]).toEqual(["lead"]);
});

it("keeps a leader that responds, although a tab wants to take over", async () => {
  const [first, second] = [new Tab(), new Tab()];
  await until(() => leaders().length === 1);
  const follower = first.election.isLeader ? second : first;
  follower.election.takeOver();
  await settled();
  expect(follower.reports).toEqual([]);
});

it("has the later one stay of two leaders without locks, as after a suspension", async () => {
  // Two networks of tabs that are joined later, as if the first leader had been suspended.
  const isolated = (name: string) => openChannel(`${name}:isolated`);
  const first = new Tab({ openChannel: isolated });
  await until(() => first.election.isLeader);
  const second = new Tab();
  await until(() => second.election.isLeader);
  const other = openChannel("tabs:election");
  const bridge = openChannel("tabs:election:isolated");
  other.addEventListener("message", ({ data }) => bridge.postMessage(data));
  bridge.addEventListener("message", ({ data }) => other.postMessage(data));
  const third = new Tab();
  await until(() => first.reports.length === 3);
  expect([first, second, third].map(tab => tab.reports)).toEqual([
    ["lead", "step down", "follow"],
    ["lead"],
    [],
  ]);
});

it("lets another tab lead while it is suspended", async () => {
  const [first, second] = [new Tab(), new Tab()];
  await until(() => leaders().length === 1);
  const [leader, other] = first.election.isLeader ? [first, second] : [second, first];
  leader.election.suspend();
  expect(leader.reports).toEqual(["lead", "step down", "follow"]);
  await until(() => other.election.isLeader);
  leader.election.resume();
  await settled();
  expect(leaders()).toEqual([other]);
});

describe("with a browser that never answers a request for the lock", () => {
  /** Locks that are granted when the test says so. */
  function silentLocks() {
    const requests: { readonly grant: () => unknown; readonly steal: boolean }[] = [];
    const request = (_name: string, { steal = false }: LockOptions, grant: () => unknown) => {
      requests.push({ grant, steal });
      return new Promise(() => {});
    };
    return { requests, locks: { request } as unknown as Pick<LockManager, "request"> };
  }
  /** Let the tabs find that no leader responds, and wait as long as they do. */
  async function takeOver(...silent: Tab[]): Promise<void> {
    for (const tab of silent) tab.election.takeOver();
    vi.advanceTimersByTime(2_500);
    await settled();
  }

  it("elects by messages", async () => {
    const { locks } = silentLocks();
    const silent = [1, 2, 3].map(() => new Tab({ locks }));
    expect(leaders()).toEqual([]);
    await takeOver(...silent);
    expect(silent.flatMap(tab => tab.reports)).toEqual(["lead"]);
  });

  it("keeps to the lock that it grants in time", async () => {
    const { requests, locks } = silentLocks();
    const tab = new Tab({ locks });
    tab.election.takeOver();
    vi.advanceTimersByTime(2_000);
    requests.find(one => one.steal)?.grant();
    vi.advanceTimersByTime(10_000);
    await settled();
    expect(tab.reports).toEqual(["lead"]);
    expect(openedElections).toBe(0);
  });

  it("returns to the lock that it grants late, so that there is one leader", async () => {
    const { requests, locks } = silentLocks();
    const [first, second] = [new Tab({ locks }), new Tab({ locks })];
    await takeOver(first, second);
    expect(leaders()).toHaveLength(1);
    const [leader, other] = first.election.isLeader ? [first, second] : [second, first];
    // The request of the tab that follows is granted.
    requests.filter(one => one.steal)[tabs.indexOf(other)]?.grant();
    await until(() => !leader.election.isLeader);
    expect(leaders()).toEqual([other]);
    await settled();
    expect(leaders()).toEqual([other]);
  });

  it("asks for nothing after it was closed", async () => {
    const { locks } = silentLocks();
    const tab = new Tab({ locks });
    tab.election.takeOver();
    tab.election.leave();
    vi.advanceTimersByTime(10_000);
    await settled();
    expect([tab.reports, openedElections]).toEqual([[], 0]);
  });
});
