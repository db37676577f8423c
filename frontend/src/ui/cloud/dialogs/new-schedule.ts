import type { NewSchedule } from "../../../contract/generated";
import { parse } from "../../../text/grammar";

/** When a new schedule runs: once, on certain days, or as an expression of cron says. */
export const REPEATS = [
  "once",
  "day",
  "weekday",
  "mon",
  "tue",
  "wed",
  "thu",
  "fri",
  "sat",
  "sun",
  "cron",
] as const;
export type Repeat = (typeof REPEATS)[number];

/** What is typed in the form of a schedule. */
export interface ScheduleForm {
  readonly name: string;
  readonly command: NewSchedule["command"];
  readonly servers: string;
  readonly repeat: Repeat;
  /** Of `once`: a day and a time without a zone, as in the reader's zone. */
  readonly moment: string;
  /** Of days: hours and minutes. */
  readonly clock: string;
  readonly cron: string;
  readonly zone: string;
}

export type ScheduleField = "name" | "servers" | "moment" | "clock" | "cron" | "zone";

const NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;
const CLOCK = /^([01][0-9]|2[0-3]):[0-5][0-9]$/;
const CRON_FIELDS = 5;
const DAYS: Readonly<Record<string, string>> = { day: "*", weekday: "mon-fri" };

/** The time zone of the reader. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

function timesOf(form: ScheduleForm): Pick<NewSchedule, "at" | "cron" | "zone"> | ScheduleField {
  const { repeat, moment, clock } = form;
  if (repeat === "once") {
    const at = new Date(moment);
    return Number.isNaN(at.getTime()) ? "moment" : { at: at.toISOString() };
  }
  const zone = form.zone.trim();
  if (!zone) return "zone";
  if (repeat === "cron") {
    const fields = form.cron.trim().split(/\s+/);
    return fields.length === CRON_FIELDS ? { cron: fields.join(" "), zone } : "cron";
  }
  if (!CLOCK.test(clock)) return "clock";
  const [hour, minute] = clock.split(":");
  return { cron: `${Number(minute)} ${Number(hour)} * * ${DAYS[repeat] ?? repeat}`, zone };
}

/** What to request for a form, or the first field that can't be right. Servers are named as in commands of the chat. */
export function scheduleOf(form: ScheduleForm): NewSchedule | ScheduleField {
  const name = form.name.trim();
  if (!NAME.test(name)) return "name";
  const said = parse(`/start ${form.servers}`);
  if (said.is !== "ChangeServers") return "servers";
  const { names, selector } = said.targets;
  const times = timesOf(form);
  if (typeof times === "string") return times;
  return {
    name,
    command: form.command,
    ...(selector === null ? { ids: [...names] } : { selector }),
    ...times,
  };
}
