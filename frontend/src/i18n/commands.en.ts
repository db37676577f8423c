import {
  CHAT_COMMANDS,
  type ChatCommandName,
  COMMAND_SERVERS_MAX,
  LOG_LINES_MAX,
} from "../contract/chat-commands";
import { isolated } from "./isolate";

/** What each command does, as the portal says it, too. */
const help = Object.fromEntries(CHAT_COMMANDS.map(one => [one.name, one.help])) as Record<
  ChatCommandName,
  string
>;

/** The texts about commands in the chat, in a separate dictionary that is loaded with the composer. */
export const en = {
  help,
  example: (text: string) => `For example: ${text}`,
  notAllowed: (name: string) => `Your role doesn't allow /${name}.`,
  noFiles: "A command can't have files. Remove them, or begin the text with // to send it as a message.",
  quote: "A quotation mark isn't closed.",
  extra: (word: string) => `${isolated(word)} is one word too many.`,
  mixed: "Name servers or select them by label; both together isn't possible.",
  missing: {
    servers: "Name one or more servers, or select them by label: label:env=prod",
    server: "Name a server.",
    target: "Name a server, or give the ID of an operation.",
    name: "After “as” comes the name of the new server.",
    schedule: "Name the schedule.",
    action: "Say what to do: start, stop, restart or rm, or list or remove for schedules.",
    at: "Say when: at 19:00, every day at 19:00, or cron and five fields.",
    every: "After “every” come the days: day, weekday, monday and so on.",
    zone: "Give a time zone, such as Europe/Berlin.",
    cron: "After “cron” come five fields: minute, hour, day, month and weekday.",
    title: "Give the incident a title.",
    query: "Say what to search for.",
    reason: "Give a reason.",
  } as Record<string, string>,
  invalid: {
    servers: "This can't be the name of a server:",
    server: "This can't be the name of a server:",
    target: "This can't be a server or an operation:",
    labels: "Write labels like label:env=prod,role=web, each once. This isn't one:",
    name: "Use 1 to 63 lowercase letters, digits and hyphens, with no hyphen at either end. This isn't a name:",
    schedule:
      "Use 1 to 40 lowercase letters, digits and hyphens, with no hyphen at either end. This isn't a name:",
    template: "This can't be the name of a template:",
    lines: `Say how many lines, from 1 to ${LOG_LINES_MAX}. This isn't a number:`,
    action:
      "You can schedule start, stop, restart and rm, and list or remove schedules. This is none of these:",
    every: "Write every day, every weekday, every monday and so on. These are no days:",
    at: "Write the time like 19:00 or 2026-11-30T19:00. This isn't a time:",
    cron: "This can't be a field of cron:",
    zone: "Write the time zone like Europe/Berlin. This isn't one:",
  } as Record<string, string>,
  limit: {
    servers: `One command is for ${COMMAND_SERVERS_MAX} servers at most.`,
    labels: "These are more labels than a server can have.",
    lines: `Say how many lines, from 1 to ${LOG_LINES_MAX}.`,
  } as Record<string, string>,
  tooLong: "This is too long for the command.",
  incomplete: "The command isn't complete.",
  notUnderstood: "This isn't understood:",
  kinds: { server: "server", label: "label", template: "template", keyword: "keyword" },
};

export type CommandsDictionary = typeof en;
