import type { Dictionary } from "../i18n/en";
import { unmarked } from "../i18n/isolate";
import { labelOf } from "../i18n/label";
import type { WorklogKind, WorklogLine } from "../state/cloud/model";
import { csvOf } from "./csv";
import { formatLogTime } from "./format";
import { comparable } from "./typed";

export interface WorklogFilter {
  readonly instanceId: string;
  readonly kind: WorklogKind | "";
  readonly text: string;
}

export const NO_FILTER: WorklogFilter = { instanceId: "", kind: "", text: "" };

export const isError = (line: WorklogLine): boolean => line.kind === "failed" || line.kind === "refused";

/** The text of a line, without its level. */
export function formatLine(
  t: Dictionary,
  { kind, command, code, reasonCode, detail = "" }: WorklogLine,
): string {
  if (kind === "received") return t.worklog.received(command);
  if (kind === "cancelled") return t.worklog.cancelled(command);
  if (kind === "failed") return t.worklog.failed(command, t.failure(reasonCode, detail));
  if (kind === "refused") return t.worklog.refused(command, code ? t.error(code) : detail);
  return labelOf(t.worklog.kinds, kind);
}

/** A line as plain text, for the clipboard. */
export function lineAsText(t: Dictionary, line: WorklogLine): string {
  const level = isError(line) ? t.worklog.error : t.worklog.info;
  const server = line.instanceId ? `${t.worklog.server}: ${line.instanceId}\n` : "";
  return `${formatLogTime(line.timestamp)}\n${server}${level}: ${unmarked(formatLine(t, line))}`;
}

/** Who gave the command, as the line shows it; empty for nobody. */
export const actorOf = (t: Dictionary, { actor }: WorklogLine): string =>
  actor && actor !== "anonymous" ? t.worklog.by(actor) : "";

export function filterLines(
  t: Dictionary,
  lines: readonly WorklogLine[],
  { instanceId, kind, text }: WorklogFilter,
): readonly WorklogLine[] {
  const wanted = comparable(text);
  if (!instanceId && !kind && !wanted) return lines;
  return lines.filter(
    line =>
      (!instanceId || line.instanceId === instanceId) &&
      (!kind || line.kind === kind) &&
      (!wanted || comparable(`${lineAsText(t, line)} ${actorOf(t, line)}`).includes(wanted)),
  );
}

const COLUMNS = ["timestamp", "instanceId", "kind", "command", "actor", "code", "detail", "seq"] as const;

/** The lines as a CSV file that spreadsheets open correctly, for a reader with the browser's `locale`. */
export const linesAsCsv = (lines: readonly WorklogLine[], locale: string): string =>
  csvOf([COLUMNS, ...lines.map(line => COLUMNS.map(column => line[column]))], locale);

export const linesAsJson = (lines: readonly WorklogLine[]): string =>
  JSON.stringify(
    lines.map(({ key: _key, ...line }) => line),
    null,
    2,
  );
