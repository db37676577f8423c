import { afterEach, expect, it, vi } from "vitest";
import { memoryLocks } from "../testing/fakes";
import { SharedStore } from "./shared-store";

type Words = readonly string[];

const NAME = "words";
const tabs: Tab[] = [];
let locks = memoryLocks();

/** A tab that shares a list of words: an intention is a word to add, and adding it twice is harmless. */
class Tab {
  readonly handled: string[] = [];
  readonly broadcast: string[] = [];
  readonly store = new SharedStore<Words, string, string>({
    ...{ name: NAME, locks, initial: [], openChannel: name => new BroadcastChannel(name) },
    reduce: (words, word) => (words.includes(word) ? words : [...words, word]),
    snapshotOf: words => words,
    mergeSnapshot: snapshot => snapshot,
    predict: word => (word.startsWith("?") ? undefined : word),
  });

  constructor() {
    tabs.push(this);
    this.store.join({
      start: () => {},
      stop: () => {},
      handle: word => {
        this.handled.push(word);
        this.store.dispatch(word);
      },
      onAction: word => void this.broadcast.push(word),
    });
  }

  get words(): Words {
    return this.store.state.value;
  }
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), 4_000);

/** Open tabs that have the same state; the first one leads. */
async function open(count: number): Promise<[Tab, Tab, Tab]> {
  const opened = Array.from({ length: count }, () => new Tab());
  await until(() => opened[0]?.store.isLeader === true);
  opened[0]?.store.dispatch("first");
  await until(() => opened.every(tab => tab.words.length === 1));
  return opened as [Tab, Tab, Tab];
}

afterEach(() => {
  for (const tab of tabs.splice(0)) tab.store.leave();
  locks = memoryLocks();
});

it("reduces an intention of any tab in the leader, and all tabs mirror it in the leader's order", async () => {
  const [leader, left, right] = await open(3);
  left.store.request("left");
  right.store.request("right");
  expect([left.words, right.words]).toEqual([
    ["first", "left"],
    ["first", "right"],
  ]);
  leader.store.request("own");
  await until(() => tabs.every(tab => tab.words.length === 4));
  expect(leader.handled).toHaveLength(3);
  expect(leader.broadcast).toEqual(leader.words);
  expect([left.handled, right.handled, left.broadcast]).toEqual([[], [], []]);
});

it("lets only the leader dispatch", async () => {
  const [leader, left] = await open(3);
  left.store.dispatch("not mine to say");
  left.store.request("asked");
  await until(() => leader.words.includes("asked"));
  expect(left.words).toEqual(["first", "asked"]);
});

it("has the next leader handle what nobody has handled", async () => {
  const [leader, next, other] = await open(3);
  leader.store.leave();
  other.store.request("in between");
  await until(() => next.store.isLeader && next.words.includes("in between"));
  expect([next.handled, leader.handled]).toEqual([["in between"], []]);
});

it("handles its own unconfirmed intentions when it becomes the leader", async () => {
  const [leader, next, other] = await open(3);
  leader.store.leave();
  next.store.request("in between");
  await until(() => other.words.includes("in between"));
  expect(next.handled).toEqual(["in between"]);
});

it("doesn't keep intentions that change nothing until a later leader", async () => {
  void locks.request(NAME, {}, () => new Promise(() => {})).catch(() => {});
  const tab = new Tab();
  tab.store.request("?typing");
  tab.store.request("word");
  await until(() => tab.store.isLeader);
  expect(tab.handled).toEqual(["word"]);
});

it("shows an unconfirmed intention without interruption, even after a snapshot without it", async () => {
  const [leader] = await open(1);
  // Nobody leads while this holds the lock.
  let release = () => {};
  void locks.request(NAME, {}, () => new Promise<void>(resolve => (release = resolve)));
  const [next, other] = [new Tab(), new Tab()];
  await until(() => other.words.includes("first") && next.words.includes("first"));
  leader.store.leave();
  const lost = new Promise(resolve => {
    const channel = new BroadcastChannel(NAME);
    channel.onmessage = ({ data }) => {
      if (data.kind !== "intention") return;
      channel.close();
      resolve(undefined);
    };
  });
  other.store.request("in between");
  await lost;
  const visible: boolean[] = [];
  const unsubscribe = other.store.state.subscribe(words => void visible.push(words.includes("in between")));
  other.store.resync();
  release();
  await until(() => next.handled.length === 1);
  next.store.dispatch("last");
  await until(() => other.words.includes("last"));
  unsubscribe();
  expect(visible).not.toContain(false);
});

it("takes over from a leader that doesn't respond, and ignores what that leader still sends", async () => {
  // A frozen tab: it holds the lock, never responds, and wakes up later without noticing that it has lost the lock.
  void locks.request(NAME, {}, () => new Promise(() => {})).catch(() => {});
  const stale = new BroadcastChannel(NAME);
  const tab = new Tab();
  tab.store.request("unsent");
  expect(tab.words).toEqual(["unsent"]);
  await until(() => tab.store.isLeader);
  expect(tab.handled).toEqual(["unsent"]);
  const other = new Tab();
  await until(() => other.words.includes("unsent"));
  stale.postMessage({ kind: "action", from: "stale", action: "stale" });
  tab.store.request("last");
  await until(() => tabs.every(one => one.words.includes("last")));
  expect([tab.words, other.words]).toEqual([
    ["unsent", "last"],
    ["unsent", "last"],
  ]);
  stale.close();
});
