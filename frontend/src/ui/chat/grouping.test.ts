import { expect, it } from "vitest";
import type { OutgoingMessage, ShownMessage } from "../../state/chat/model";
import { headOf } from "./grouping";

const [ann, bob] = [
  { id: "a", name: "Ann" },
  { id: "b", name: "Bob" },
];
const at = (minutes: number) => new Date(2026, 10, 28, 12, minutes);
const message = (seq: number, user: typeof ann, minutes: number): ShownMessage => ({
  ...{ seq, id: `m${seq}`, room: "general", user, text: "hi" },
  timestamp: at(minutes).toISOString(),
});
const outgoing = (minutes: number): OutgoingMessage => ({
  ...{ room: "general", clientId: "c", text: "hi", user: ann, status: "queued" },
  at: at(minutes).getTime(),
});
const startsGroup = (...[row, before]: Parameters<typeof headOf>) =>
  headOf(row, before, undefined).startsGroup;

it("groups messages of one author that follow each other within five minutes", () => {
  expect(startsGroup(message(2, ann, 5), message(1, ann, 0), undefined)).toBe(false);
  expect(startsGroup(message(2, ann, 6), message(1, ann, 0), undefined)).toBe(true);
  expect(startsGroup(message(2, bob, 1), message(1, ann, 0), undefined)).toBe(true);
  expect(startsGroup(message(1, ann, 0), undefined, undefined)).toBe(true);
});

it("groups an own message that is not stored yet with the one before it", () => {
  expect(startsGroup(outgoing(1), message(1, ann, 0), undefined)).toBe(false);
  expect(startsGroup(outgoing(1), message(1, bob, 0), undefined)).toBe(true);
});

it("begins a day at midnight, and a group with it", () => {
  const [evening, night] = [message(1, ann, 12 * 60 - 1), message(2, ann, 12 * 60)];
  expect(headOf(night, evening, undefined)).toMatchObject({ startsDay: true, startsGroup: true });
  expect(headOf(evening, message(0, ann, 12 * 60 - 2), undefined).startsDay).toBe(false);
  expect(headOf(evening, undefined, undefined).startsDay).toBe(true);
});

it("marks the first message after the last one that was seen, also if that is not loaded", () => {
  const [one, two, three] = [message(1, ann, 0), message(5, ann, 1), message(6, ann, 2)];
  expect(headOf(two, one, 3)).toMatchObject({ startsNew: true, startsGroup: true });
  expect(headOf(three, two, 3)).toMatchObject({ startsNew: false, startsGroup: false });
  expect(headOf(two, undefined, 3).startsNew).toBe(true);
  expect(headOf(one, undefined, 3).startsNew).toBe(false);
  expect(headOf(outgoing(3), three, 6).startsNew).toBe(false);
});
