import type { Dictionary } from "../i18n/en";
import type { WorklogKind, WorklogLine } from "../state/cloud/model";
import { comparable } from "./typed";
import { actorOf, lineAsText } from "./worklog";

/** The course of one operation, or something that happened outside the portal. */
export interface WorklogEntry {
  readonly key: string;
  /** Its lines in their order; at least one. */
  readonly lines: readonly WorklogLine[];
  /** When the command was received, if that is loaded, or when it happened. */
  readonly at: string;
  /** The line that ends it; undefined while the command is pending. */
  readonly outcome: WorklogLine | undefined;
  /** The line with which its delay begins, or the one that asks for approval before that. */
  readonly received: WorklogLine | undefined;
}

/** The lines after which a command goes on. */
const BEGINS: readonly WorklogKind[] = ["requested", "approved", "received"];

function entryOf(key: string, lines: readonly WorklogLine[]): WorklogEntry {
  const received =
    lines.find(line => line.kind === "received") ?? lines.find(line => line.kind === "requested");
  const outcome = lines.findLast(line => !BEGINS.includes(line.kind));
  return { key, lines, at: lines[0]?.timestamp ?? "", outcome, received };
}

/** One entry for each operation, in the order in which they began. */
export function entriesOf(lines: readonly WorklogLine[]): readonly WorklogEntry[] {
  const groups = new Map<string, WorklogLine[]>();
  for (const line of lines) {
    const key = line.operationId === undefined ? line.key : `o${line.operationId}`;
    const group = groups.get(key);
    if (group) group.push(line);
    else groups.set(key, [line]);
  }
  return [...groups].map(([key, group]) => entryOf(key, group));
}

/** The operation with an id; undefined if none of its lines is loaded. */
export function entryWith(lines: readonly WorklogLine[], operationId: string): WorklogEntry | undefined {
  const found = lines.filter(line => line.operationId === operationId);
  return found.length > 0 ? entryOf(`o${operationId}`, found) : undefined;
}

/** The line with what is known of the command: who gave it, and to which server. */
export const commandLine = ({ received, lines }: WorklogEntry): WorklogLine | undefined =>
  received ?? lines[0];

/** The name of an entry's server at that time; its id if that is unknown. */
export function serverOf({ lines }: WorklogEntry): string | undefined {
  const named = lines.find(line => line.name !== undefined);
  return named?.name ?? lines[0]?.instanceId;
}

export interface EntryFilter {
  readonly instanceId: string;
  /** The name of who gave the command, or undid it. */
  readonly actor: string;
  readonly kind: WorklogKind | "";
  /** The first and the last moment, inclusive. */
  readonly from?: string;
  readonly to?: string;
  readonly text: string;
}

export const NO_FILTER: EntryFilter = { instanceId: "", actor: "", kind: "", text: "" };

export function filterEntries(
  t: Dictionary,
  entries: readonly WorklogEntry[],
  { instanceId, actor, kind, from, to, text }: EntryFilter,
): readonly WorklogEntry[] {
  const wanted = comparable(text);
  if (!instanceId && !actor && !kind && !from && !to && !wanted) return entries;
  const [earliest, latest] = [Date.parse(from ?? ""), Date.parse(to ?? "")];
  // A limit that isn't set is no number, and nothing is before or after that.
  const isInTime = ({ timestamp }: WorklogLine) =>
    !(Date.parse(timestamp) < earliest || Date.parse(timestamp) > latest);
  const contains = (line: WorklogLine) =>
    comparable(`${lineAsText(t, line)} ${line.instanceId ?? ""} ${actorOf(t, line)}`).includes(wanted);
  return entries.filter(
    ({ lines }) =>
      (!instanceId || lines.some(line => line.instanceId === instanceId)) &&
      (!actor || lines.some(line => line.actor === actor)) &&
      (!kind || lines.some(line => line.kind === kind)) &&
      lines.some(isInTime) &&
      (!wanted || lines.some(contains)),
  );
}
