import { expect, it } from "vitest";
import { en } from "../i18n/en";
import { ru } from "../i18n/ru";
import type { WorklogLine } from "../state/cloud/model";
import { commandLine, entriesOf, filterEntries, NO_FILTER, serverOf } from "./worklog-entries";

let seq = 0;
const line = (part: Partial<WorklogLine>): WorklogLine => {
  seq += 1;
  return {
    key: `e${seq}`,
    kind: "received",
    command: "start",
    timestamp: new Date(2019, 2, 20, 18, 50, seq).toISOString(),
    instanceId: "23186bf2",
    actor: "Ann",
    seq,
    ...part,
  };
};

it("has one entry for each operation, in the order in which they began", () => {
  const [first, second, ended, undone] = [
    line({ operationId: "o1", name: "web-1" }),
    line({ operationId: "o2", instanceId: "x" }),
    line({ operationId: "o1", kind: "started" }),
    line({ operationId: "o2", kind: "cancelled", actor: "Bob" }),
  ];
  const entries = entriesOf([first, second, ended, undone]);
  expect(entries.map(({ lines }) => lines)).toEqual([
    [first, ended],
    [second, undone],
  ]);
  expect(entries[0]).toMatchObject({ at: first.timestamp, received: first, outcome: ended });
  expect(entries.map(serverOf)).toEqual(["web-1", "x"]);
});

it("has an entry for what has no operation, and for an outcome whose reception isn't loaded", () => {
  const [lost, done, refused] = [
    line({ kind: "lost", actor: "outside" }),
    line({ kind: "stopped", operationId: "o1" }),
    line({ kind: "refused", code: "protected" }),
  ];
  const entries = entriesOf([lost, done, refused]);
  expect(entries.map(({ outcome }) => outcome)).toEqual([lost, done, refused]);
  expect(entries.every(({ received }) => received === undefined)).toBe(true);
  expect(entries.map(commandLine)).toEqual([lost, done, refused]);
});

it("has no outcome while the command is pending", () => {
  expect(entriesOf([line({ operationId: "o1" })])[0]?.outcome).toBeUndefined();
});

it("filters by server, person, kind and text together", () => {
  const entries = entriesOf([
    line({ operationId: "o1" }),
    line({ operationId: "o1", kind: "started" }),
    line({ operationId: "o2", instanceId: "x", actor: "Bob" }),
    line({ operationId: "o2", instanceId: "x", actor: "Ann", kind: "cancelled" }),
  ]);
  const found = (part: object) => filterEntries(en, entries, { ...NO_FILTER, ...part }).length;
  expect(filterEntries(en, entries, NO_FILTER)).toBe(entries);
  expect([found({ instanceId: "x" }), found({ kind: "started" }), found({ text: "bob" })]).toEqual([1, 1, 1]);
  // Who undid a command is found, too.
  expect([found({ actor: "Ann" }), found({ actor: "Bob" })]).toEqual([2, 1]);
  expect(found({ kind: "started", actor: "Bob" })).toBe(0);
});

it("finds an entry by what it shows", () => {
  const entries = entriesOf([
    line({ actor: "root-cli" }),
    line({ actor: "anonymous" }),
    line({ actor: "Bob" }),
  ]);
  const found = (text: string) =>
    filterEntries(en, entries, { ...NO_FILTER, text }).map(({ lines }) => lines[0]?.actor);
  expect(found("by root-cli")).toEqual(["root-cli"]);
  expect(found("BY  bob")).toEqual(["Bob"]);
  // Nothing is shown for it.
  expect(found("by anonymous")).toEqual([]);
  expect(filterEntries(ru, entries, { ...NO_FILTER, text: "Сервер: 23186bf2" })).toHaveLength(3);
});
