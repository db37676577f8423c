import {
  CHAT_COMMANDS,
  type ChatCommandName,
  type ChatCommandSpec,
  COMMAND_SERVERS_MAX,
  LOG_LINES,
  LOG_LINES_MAX,
  NOTE_MAX,
  QUERY_MAX,
  TITLE_MAX,
} from "../contract/chat-commands";
import { LABELS_MAX } from "../contract/generated";
import { isCommand, unescaped } from "./escaped";
import { isBlankAt, type Problem, Refused, refuse, trimmed, type Word, Words } from "./grammar-words";
import { lengthOf } from "./typed";

/**
 * The grammar of commands in the chat: the twin of `incidents/grammar.py`. The tests of both read the same cases.
 *
 * A text of one line that begins with a slash is a command. `//` at its beginning stands for a slash in a message.
 */

export interface Targets {
  readonly names: readonly string[];
  readonly selector: string | null;
}

type Lifecycle = "start" | "stop" | "restart" | "remove";

/** What a text is. The portal has the same models under the same names. */
export type Said =
  | Problem
  | { readonly is: "Text"; readonly text: string }
  | { readonly is: "ListServers" | "Undo"; readonly targets: Targets | null }
  | {
      readonly is: "CreateServer";
      readonly template: string | null;
      readonly name: string | null;
      readonly labels: readonly (readonly [string, string])[];
      readonly start: boolean;
    }
  | { readonly is: "ChangeServers"; readonly command: Lifecycle; readonly targets: Targets }
  | { readonly is: "ShowLogs"; readonly server: string; readonly lines: number }
  | { readonly is: "Approve"; readonly target: string; readonly alone: string | null }
  | { readonly is: "Deny"; readonly target: string; readonly reason: string | null }
  | { readonly is: "Acknowledge"; readonly note: string | null }
  | { readonly is: "OpenIncident"; readonly title: string | null }
  | {
      readonly is: "ScheduleCommand";
      readonly command: Lifecycle;
      readonly targets: Targets;
      readonly at: string | null;
      readonly cron: string | null;
      readonly zone: string | null;
      readonly name: string | null;
    }
  | { readonly is: "ListSchedules" }
  | { readonly is: "RemoveSchedule"; readonly name: string }
  | { readonly is: "SearchFor"; readonly query: string }
  | { readonly is: "Help"; readonly about: string | null }
  | { readonly is: "Custom"; readonly name: string; readonly arguments: string };

const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const TEMPLATE = /^([a-z0-9][a-z0-9-]{0,31}\/)?[a-z0-9][a-z0-9-]{0,62}$/;
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_KEY = /^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?$/;
const LABEL_VALUE_MAX = 63;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const NUMBER = /^[0-9]{1,9}$/;
const SCHEDULE_NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const CLOCK = /^([01][0-9]|2[0-3]):[0-5][0-9]$/;
const TIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2}T)?([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?(Z|[+-][0-9]{2}:[0-9]{2})?$/;
const CRON_FIELD = /^[0-9A-Za-z*,/-]{1,32}$/;
const CRON_FIELDS = 5;
const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;
const LABEL = "label:";
/** Words that end the servers of `/schedule`. */
const AFTER_SERVERS: readonly string[] = ["at", "cron", "every"];
/** What can follow `every`, and the field of cron that it stands for. */
const DAYS: Readonly<Record<string, string>> = {
  day: "*",
  weekday: "mon-fri",
  monday: "mon",
  tuesday: "tue",
  wednesday: "wed",
  thursday: "thu",
  friday: "fri",
  saturday: "sat",
  sunday: "sun",
};
const LIFECYCLE: Readonly<Record<string, Lifecycle>> = {
  start: "start",
  stop: "stop",
  restart: "restart",
  rm: "remove",
};

/** The row of a command by its name, in any case. */
export const specOf = (word: string): ChatCommandSpec | undefined =>
  CHAT_COMMANDS.find(one => one.name === word.toLowerCase());

/** Parse what somebody says. `custom`: the names of the commands that bots offer here. */
export function parse(text: string, custom: readonly string[] = []): Said {
  if (!isCommand(text)) return { is: "Text", text: unescaped(text) };
  try {
    return command(text, custom);
  } catch (error) {
    if (error instanceof Refused) return error.problem;
    throw error;
  }
}

function command(text: string, custom: readonly string[]): Said {
  let end = 1;
  while (end < text.length && !isBlankAt(text, end)) end += 1;
  const word = text.slice(1, end).toLowerCase();
  const words = new Words(text, end);
  if (custom.includes(word)) return { is: "Custom", name: word, arguments: words.rest() };
  const spec = specOf(word);
  if (!spec) return refuse(0, "unknown", "command");
  const said = READERS[spec.name](words);
  words.finish();
  return said;
}

function matching(word: Word, pattern: RegExp, field: string): string {
  return pattern.test(word.text) ? word.text : refuse(word.start, "invalid", field);
}

function readTargets(words: Words, until: readonly string[] = []): Targets | null {
  const names = new Set<string>();
  const labels: (readonly [string, string])[] = [];
  for (let word = words.peek(); word && !until.includes(word.text); word = words.peek()) {
    words.take();
    if (word.text.startsWith(LABEL)) labels.push(...conditions(word, labels));
    else names.add(matching(word, REFERENCE, "servers"));
    if (names.size > 0 && labels.length > 0) refuse(word.start, "mixed", "servers");
    if (names.size > COMMAND_SERVERS_MAX) refuse(word.start, "limit", "servers");
  }
  if (labels.length > 0) return { names: [], selector: labels.map(one => one.join("=")).join(",") };
  return names.size > 0 ? { names: [...names], selector: null } : null;
}

const requiredTargets = (words: Words, until: readonly string[] = []): Targets =>
  readTargets(words, until) ?? refuse(words.start, "missing", "servers");

/** The labels of `label:env=prod,role=web`; `before`: those of the words before it. */
function conditions(
  word: Word,
  before: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (const condition of word.text.slice(LABEL.length).split(",")) {
    const at = condition.indexOf("=");
    const key = trimmed(at < 0 ? condition : condition.slice(0, at));
    const value = trimmed(at < 0 ? "" : condition.slice(at + 1));
    const isValid = at >= 0 && LABEL_KEY.test(key) && lengthOf(value) <= LABEL_VALUE_MAX;
    const isKnown = [...before, ...found].some(([known]) => known === key);
    if (!isValid || UNPRINTABLE.test(value) || isKnown) refuse(word.start, "invalid", "labels");
    found.push([key, value]);
  }
  if (before.length + found.length > LABELS_MAX) refuse(word.start, "limit", "labels");
  return found;
}

const READERS: Readonly<Record<ChatCommandName, (words: Words) => Said>> = {
  ps: words => ({ is: "ListServers", targets: readTargets(words) }),
  create: readCreate,
  start: words => ({ is: "ChangeServers", command: "start", targets: requiredTargets(words) }),
  stop: words => ({ is: "ChangeServers", command: "stop", targets: requiredTargets(words) }),
  restart: words => ({ is: "ChangeServers", command: "restart", targets: requiredTargets(words) }),
  rm: words => ({ is: "ChangeServers", command: "remove", targets: requiredTargets(words) }),
  logs: readLogs,
  undo: words => ({ is: "Undo", targets: readTargets(words) }),
  approve: words => {
    const target = readTarget(words);
    return {
      is: "Approve",
      target,
      alone: words.keyword("alone") ? readText(words, "reason", NOTE_MAX) : null,
    };
  },
  deny: words => ({ is: "Deny", target: readTarget(words), reason: readNote(words, "reason") }),
  ack: words => ({ is: "Acknowledge", note: readNote(words, "note") }),
  incident: words => ({
    is: "OpenIncident",
    title: words.hasMore ? readText(words, "title", TITLE_MAX) : null,
  }),
  schedule: readSchedule,
  search: words => ({ is: "SearchFor", query: readText(words, "query", QUERY_MAX) }),
  help: words => ({ is: "Help", about: words.take()?.text.replace(/^\//, "").toLowerCase() ?? null }),
};

const readTarget = (words: Words): string => matching(words.required("target"), REFERENCE, "target");

/** Read the rest of the text. */
function readText(words: Words, field: string, longest: number): string {
  const { start } = words;
  const text = words.rest();
  if (!text) refuse(start, "missing", field);
  return lengthOf(text) > longest ? refuse(start, "limit", field) : text;
}

const readNote = (words: Words, field: string): string | null =>
  words.hasMore ? readText(words, field, NOTE_MAX) : null;

function readCreate(words: Words): Said {
  let template: string | null = null;
  let name: string | null = null;
  let start = false;
  const labels: (readonly [string, string])[] = [];
  for (let word = words.peek(); word; word = words.peek()) {
    if (name === null && words.keyword("as")) name = matching(words.required("name"), NAME, "name");
    else if (!start && words.keyword("started")) start = true;
    else if (word.text.startsWith(LABEL)) {
      words.take();
      labels.push(...conditions(word, labels));
    } else if (template === null && name === null && labels.length === 0 && !start) {
      words.take();
      template = matching(word, TEMPLATE, "template");
    } else break;
  }
  return { is: "CreateServer", template, name, labels, start };
}

function readLogs(words: Words): Said {
  const server = matching(words.required("server"), REFERENCE, "server");
  const word = words.take();
  if (!word) return { is: "ShowLogs", server, lines: LOG_LINES };
  const lines = Number(matching(word, NUMBER, "lines"));
  if (lines < 1 || lines > LOG_LINES_MAX) refuse(word.start, "limit", "lines");
  return { is: "ShowLogs", server, lines };
}

function readSchedule(words: Words): Said {
  const word = words.required("action");
  const action = word.text.toLowerCase();
  if (action === "list") return { is: "ListSchedules" };
  if (action === "remove") return { is: "RemoveSchedule", name: scheduleName(words) };
  const command = new Map(Object.entries(LIFECYCLE)).get(action);
  if (!command) return refuse(word.start, "invalid", "action");
  const said = { is: "ScheduleCommand" as const, command, at: null, cron: null };
  const targets = requiredTargets(words, AFTER_SERVERS);
  if (words.keyword("at")) {
    const at = matching(words.required("at"), TIME, "at");
    return { ...said, targets, at, ...readZoneAndName(words) };
  }
  if (words.keyword("every")) {
    const cron = readEvery(words);
    return { ...said, targets, cron, ...readZoneAndName(words) };
  }
  if (words.keyword("cron")) {
    const fields = Array.from({ length: CRON_FIELDS }, () =>
      matching(words.required("cron"), CRON_FIELD, "cron"),
    );
    return { ...said, targets, cron: fields.join(" "), ...readZoneAndName(words) };
  }
  return refuse(words.start, "missing", "at");
}

/** Read `day at 19:00` as the five fields of cron. */
function readEvery(words: Words): string {
  const word = words.required("every");
  const days = new Map(Object.entries(DAYS)).get(word.text.toLowerCase());
  if (days === undefined) return refuse(word.start, "invalid", "every");
  if (!words.keyword("at")) refuse(words.start, "missing", "at");
  const [hour, minute] = matching(words.required("at"), CLOCK, "at").split(":");
  return `${Number(minute)} ${Number(hour)} * * ${days}`;
}

/** What follows the time: a time zone and a name, if they are there. */
function readZoneAndName(words: Words): { readonly zone: string | null; readonly name: string | null } {
  const following = words.peek();
  const hasZone = following !== undefined && following.text !== "as";
  const zone = hasZone ? matching(words.required("zone"), ZONE, "zone") : null;
  return { zone, name: words.keyword("as") ? scheduleName(words) : null };
}

const scheduleName = (words: Words): string =>
  matching(words.required("schedule"), SCHEDULE_NAME, "schedule");
