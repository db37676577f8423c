import { expect, it } from "vitest";
import type { Message, NotificationSettings } from "../../contract/generated";
import { EMPTY_CHAT } from "./model";
import { isQuiet, isWanted, levelOf } from "./notifying";

const at = (time: string) => new Date(`2026-11-30T${time}:00Z`);
const settings: NotificationSettings = { level: "mentions", rooms: { loud: "all", still: "nothing" } };

it.each([
  ["22:00", "07:00", "23:00", true],
  ["22:00", "07:00", "06:59", true],
  ["22:00", "07:00", "07:00", false],
  ["09:00", "17:00", "09:00", true],
  ["09:00", "17:00", "17:00", false],
  ["12:00", "12:00", "03:00", true],
])("quiet from %s to %s at %s: %s", (begin, end, time, expected) => {
  expect(isQuiet({ begin, end, zone: "UTC" }, at(time))).toBe(expected);
});

it("follows the clocks of the time zone", () => {
  const quiet = { begin: "22:00", end: "07:00", zone: "Asia/Tokyo" };
  expect([at("13:00"), at("12:59")].map(one => isQuiet(quiet, one))).toEqual([true, false]);
});

it("has the level of the room, and hears everything that is said directly", () => {
  expect([
    levelOf(settings, "loud", false),
    levelOf(settings, "still", true),
    levelOf(settings, "general", false),
    levelOf(settings, "d-1", true),
    levelOf({ level: "nothing", rooms: {} }, "d-1", true),
  ]).toEqual(["all", "nothing", "mentions", "all", "nothing"]);
});

it("wants mentions, in threads too, and no other replies", () => {
  const message = (more: Partial<Message>): Message => ({
    ...{ seq: 1, id: "m", room: "general", user: { id: "bob", name: "Bob" }, text: "hi" },
    ...{ timestamp: "2026-11-30T12:00:00.000Z", ...more },
  });
  const state = { ...EMPTY_CHAT, me: { id: "ann", name: "Ann" }, notify: settings };
  const wanted = (more: Partial<Message>) => isWanted(state, message(more), at("12:00"));
  expect(wanted({})).toBe(false);
  expect(wanted({ mentions: { users: ["ann"] } })).toBe(true);
  expect(wanted({ mentions: { users: [], everybody: true } })).toBe(true);
  expect(wanted({ mentions: { users: ["eve"] } })).toBe(false);
  expect(wanted({ room: "loud" })).toBe(true);
  expect(wanted({ room: "loud", thread: "r" })).toBe(false);
  expect(wanted({ room: "still", mentions: { users: ["ann"] } })).toBe(false);
  expect(wanted({ thread: "r", mentions: { users: ["ann"] } })).toBe(true);
});
