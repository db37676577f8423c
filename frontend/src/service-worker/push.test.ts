import { expect, it } from "vitest";
import { hashOf, pushedIn, titleOf } from "./push";

const PUSH = {
  version: 1,
  reason: "mention",
  room: "r-1",
  roomName: "Deploys",
  seq: 7,
  sender: "Ann",
  text: "hi",
};

it("reads a push, and leads to its message", () => {
  const pushed = pushedIn({ ...PUSH, id: "m", added: "later" });
  expect(pushed && [titleOf(pushed), hashOf(pushed)]).toEqual(["Ann · Deploys", "#/rooms/r-1?message=7"]);
});

it("leads to a thread, and names no room for what is said directly", () => {
  const { roomName: _, ...direct } = PUSH;
  const pushed = pushedIn({ ...direct, thread: "m/1" });
  expect(pushed && [titleOf(pushed), hashOf(pushed)]).toEqual(["Ann", "#/rooms/r-1?thread=m%2F1"]);
});

it.each([
  undefined,
  null,
  "text",
  {},
  { ...PUSH, version: 2 },
  { ...PUSH, room: 1 },
  { ...PUSH, seq: "7" },
  { ...PUSH, text: undefined },
])("ignores what is no push: %j", data => {
  expect(pushedIn(data)).toBeUndefined();
});
