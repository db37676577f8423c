import { expect, it, vi } from "vitest";
import type { AuditEntryView } from "../../contract/generated";
import { containsText, NO_FILTERS, parseFilters, rangeOf, showsAudit } from "./filters";

it("reads filters from an address, and ignores what is none", () => {
  expect(parseFilters("who=ann&what=stopped&when=yesterday&q=web")).toEqual({
    ...{ who: "ann", what: "stopped", when: "yesterday", q: "web" },
  });
  expect(parseFilters("what=dance&when=someday&other=1")).toEqual(NO_FILTERS);
  expect(parseFilters("what=moderation&when=2026-11-28")).toMatchObject({
    what: "moderation",
    when: "2026-11-28",
  });
});

it("covers whole days of the reader's time zone", () => {
  vi.stubEnv("TZ", "America/New_York");
  // The day on which daylight saving time ends has 25 hours.
  const now = Date.parse("2026-11-02T15:00:00Z");
  expect(rangeOf("today", now)).toEqual({ from: "2026-11-02T05:00:00.000Z" });
  expect(rangeOf("yesterday", now)).toEqual({
    from: "2026-11-01T04:00:00.000Z",
    to: "2026-11-02T04:59:59.999Z",
  });
  expect(rangeOf("week", now)).toEqual({ from: "2026-10-27T04:00:00.000Z" });
  expect(rangeOf("2026-11-01", now)).toEqual(rangeOf("yesterday", now));
  expect(rangeOf("2026-02-30", now)).toEqual({});
  expect(rangeOf("", now)).toEqual({});
  vi.unstubAllEnvs();
});

const record = (entry: Partial<AuditEntryView>) => ({
  seq: 1,
  entry: {
    ...({
      version: 1,
      id: "x",
      at: "2026-11-28T12:00:00Z",
      outcome: "accepted",
      action: "mute",
      actor: "Ada",
    } as const),
    ...entry,
  },
});

it("shows of the audit log what the history of servers doesn't have", () => {
  expect(showsAudit(record({ action: "start" }), NO_FILTERS, {})).toBe(false);
  expect(showsAudit(record({ action: "cancel" }), NO_FILTERS, {})).toBe(false);
  expect(showsAudit(record({ action: "start", outcome: "refused" }), NO_FILTERS, {})).toBe(true);
  for (const action of ["mute", "ban", "lift", "remove_message", "revoke", "locate"] as const)
    expect(showsAudit(record({ action }), NO_FILTERS, {})).toBe(true);
});

it("filters the audit log by person, kind and time", () => {
  const shows = (filters: Partial<typeof NO_FILTERS>, range = {}) =>
    showsAudit(record({}), { ...NO_FILTERS, ...filters }, range);
  expect([shows({ who: "ADA" }), shows({ who: "ann" })]).toEqual([true, false]);
  expect([shows({ what: "moderation" }), shows({ what: "refused" }), shows({ what: "started" })]).toEqual([
    true,
    false,
    false,
  ]);
  expect(shows({}, { from: "2026-11-28T12:00:00Z", to: "2026-11-28T12:00:00Z" })).toBe(true);
  expect(shows({}, { from: "2026-11-28T12:00:01Z" })).toBe(false);
  expect(shows({}, { to: "2026-11-28T11:59:59Z" })).toBe(false);
});

it("finds a text in any of several", () => {
  expect(containsText(["web-1", undefined], "WEB")).toBe(true);
  expect(containsText(["web-1", undefined], "db")).toBe(false);
  expect(containsText([], "")).toBe(true);
});
