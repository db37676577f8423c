import { expect, it } from "vitest";
import type { Status } from "../../contract/generated";
import { en as t } from "../../i18n/status.en";
import { ru } from "../../i18n/status.ru";
import { mockStatus } from "../../mock-server/status";
import { diagnose, type StatusResult } from "./diagnosis";
import { formatBytes, formatDuration } from "./units";

const ok = (changed: Partial<Status> = {}): StatusResult => ({
  kind: "ok",
  networkMs: 1,
  status: { ...mockStatus(0, { CHAT: 1, CLOUD: 2 }), ...changed },
});

it("reports the most severe problem first", () => {
  const [chat, cloud] = mockStatus(0, { CHAT: 1, CLOUD: 2 }).streams;
  if (!chat || !cloud) throw new Error("two streams");
  const late = { streams: [chat, { ...cloud, lag: 1_001 }], clockAheadMs: -501 };
  expect(diagnose(ok(), t)).toEqual({ mood: "fine", text: "All services are running." });
  expect(diagnose(ok({ streams: [{ ...chat, lag: 1_000 }] }), t).mood).toBe("fine");
  expect(diagnose(ok(late), t)).toEqual({ mood: "warn", text: "CLOUD: 1,001 messages behind." });
  expect(diagnose(ok({ clockAheadMs: -501 }), t)).toEqual({ mood: "warn", text: t.clock });
  const replicas = mockStatus(0, { CHAT: 1, CLOUD: 2 }).replicas.map(one => ({
    ...one,
    ...(one.service === "chat" && { problem: "writes to CHAT do not land" }),
  }));
  expect(diagnose(ok({ ...late, replicas }), t)).toEqual({
    mood: "bad",
    text: "chat isn't ready.",
    detail: "writes to CHAT do not land",
  });
  expect(diagnose(ok({ ...late, missing: ["chat", "cloud"] }), t)).toEqual({
    mood: "bad",
    text: "Not running: chat, cloud.",
  });
  for (const kind of ["offline", "noGateway", "noBroker"] as const)
    expect(diagnose({ kind }, t)).toEqual({ mood: "bad", text: t[kind] });
});

it("formats durations and sizes in their largest unit, and Russian plurals", () => {
  expect([0, 59, 60, 7_200, 200_000].map(one => formatDuration("en", one))).toEqual([
    ...["0 sec", "59 sec", "1 min", "2 hr", "2 days"],
  ]);
  expect([0, 999, 1_000, 1_234_567].map(one => formatBytes("en", one))).toEqual([
    ...["0 bytes", "999 bytes", "1 kB", "1.2 MB"],
  ]);
  expect([1, 2, 75].map(one => formatBytes("en", one))).toEqual(["1 byte", "2 bytes", "75 bytes"]);
  expect([1, 2, 75, 75_000].map(one => formatBytes("ru", one))).toEqual([
    ...["1 байт", "2 байта", "75 байт", "75 кБ"],
  ]);
  expect([1, 3, 11, 21].map(one => ru.requests(one))).toEqual([
    ...["1 запрос", "3 запроса", "11 запросов", "21 запрос"],
  ]);
});
