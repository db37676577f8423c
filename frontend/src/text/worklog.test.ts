import { expect, it } from "vitest";
import { en } from "../i18n/en";
import { ru } from "../i18n/ru";
import type { WorklogLine } from "../state/cloud/model";
import { countSince } from "./missed-events";
import { formatLine, lineAsText, linesAsCsv, linesAsJson } from "./worklog";

const line = (part: Partial<WorklogLine>): WorklogLine => ({
  key: "e1",
  kind: "received",
  command: "create",
  timestamp: new Date(2019, 2, 20, 18, 50, 1).toISOString(),
  instanceId: "23186bf2",
  actor: "Ann",
  seq: 1,
  ...part,
});

it("formats a line as in the specification", () => {
  expect(lineAsText(en, line({}))).toBe(
    '18:50:01 20.03.19\nServer: 23186bf2\nINFO: Received "Create command"',
  );
  expect(formatLine(en, line({ kind: "created" }))).toBe("Created");
  expect(formatLine(ru, line({ kind: "received", command: "stop" }))).toBe("Принята команда «Остановить»");
});

it("formats errors as text", () => {
  const refused = line({ kind: "refused", command: "start", code: "operation_pending" });
  expect(formatLine(en, refused)).toContain("Another command is in progress");
  expect(lineAsText(en, refused)).toContain("ERROR:");
});

it("shows why a command failed in the language of the page", () => {
  const failed = line({ kind: "failed", command: "start", detail: "the provider did not finish within 5 s" });
  const coded = { ...failed, reasonCode: "provider_timeout" as const };
  expect(formatLine(en, coded)).toBe('"Start command" failed. The provider took too long.');
  expect(formatLine(ru, coded)).toBe(
    "Не выполнена команда «Запустить». Провайдер не успел выполнить команду.",
  );
  // Older servers send no code, and a provider's own reason exists only as text.
  expect(formatLine(ru, failed)).toContain("did not finish");
  expect(formatLine(ru, { ...failed, reasonCode: "provider_error" })).toContain("did not finish");
  expect(formatLine(ru, { ...failed, reasonCode: "new_code" as "simulated" })).toContain("did not finish");
});

it("exports CSV that a spreadsheet reads as text, and JSON", () => {
  const lines = [line({ actor: '=cmd("x"),1', kind: "failed", detail: "two\nlines" })];
  const csv = linesAsCsv(lines, "en");
  expect(csv.split("\r\n")[0]).toBe(
    "\uFEFFtimestamp,instanceId,kind,command,actor,code,detail,seq,name,operationId",
  );
  expect(csv).toContain(`"'=cmd(""x""),1"`);
  expect(csv).toContain('"two\nlines"');
  expect(JSON.parse(linesAsJson(lines))[0]).toMatchObject({ kind: "failed", detail: "two\nlines" });
});

it("counts the events after a sequence number by kind", () => {
  const lines = [
    line({ kind: "created", seq: 2 }),
    line({ kind: "received", seq: 3 }),
    line({ kind: "created", seq: 4 }),
  ];
  expect([...countSince(lines, 2)]).toEqual([["created", 1]]);
});

it("shows the names of events and commands of newer servers", () => {
  const unknown = line({ kind: "migrated" as "created", command: "migrate" as "start" });
  expect(formatLine(en, unknown)).toBe("migrated");
  expect(formatLine(ru, { ...unknown, kind: "received" })).toBe("Принята команда «migrate»");
  expect(en.cloud.undoOf("migrate" as "start", "i1")).toBe("Undo: migrate i1");
});
