import type { Command } from "../contract/generated";
import type { Dictionary } from "../i18n/en";
import { unmarked } from "../i18n/isolate";
import { labelOf } from "../i18n/label";
import type { WorklogLine } from "../state/cloud/model";
import { csvOf } from "./csv";
import { formatLogTime } from "./format";

export const isError = (line: WorklogLine): boolean => line.kind === "failed" || line.kind === "refused";

/** The text of a line, without its level. */
export function formatLine(
  t: Dictionary,
  { kind, command, code, reasonCode, detail = "" }: WorklogLine,
): string {
  // A newer server may send events without a command.
  const given = command ?? ("?" as Command);
  if (kind === "received") return t.worklog.received(given);
  if (kind === "cancelled") return t.worklog.cancelled(given);
  if (kind === "failed") return t.worklog.failed(given, t.failure(reasonCode, detail));
  if (kind === "refused") return t.worklog.refused(given, code ? t.error(code) : detail);
  return labelOf(t.worklog.kinds, kind);
}

/** A line as plain text, for the clipboard. */
export function lineAsText(t: Dictionary, line: WorklogLine): string {
  const level = isError(line) ? t.worklog.error : t.worklog.info;
  const name = line.name ?? line.instanceId;
  const server = name ? `${t.worklog.server}: ${name}\n` : "";
  return `${formatLogTime(line.timestamp)}\n${server}${level}: ${unmarked(formatLine(t, line))}`;
}

/** Who gave the command, as the line shows it; empty for nobody. */
export const actorOf = (t: Dictionary, { actor }: WorklogLine): string =>
  actor && actor !== "anonymous" ? t.worklog.by(actor) : "";

const COLUMNS = [
  ...(["timestamp", "instanceId", "kind", "command", "actor", "code", "detail", "seq"] as const),
  ...(["name", "operationId"] as const),
] as const;

/** The lines as a CSV file that spreadsheets open correctly, for a reader with the browser's `locale`. */
export const linesAsCsv = (lines: readonly WorklogLine[], locale: string): string =>
  csvOf([COLUMNS, ...lines.map(line => COLUMNS.map(column => line[column]))], locale);

export const linesAsJson = (lines: readonly WorklogLine[]): string =>
  JSON.stringify(
    lines.map(({ key: _key, creation: _creation, ...line }) => line),
    null,
    2,
  );
