import { CHAT_COMMANDS, type ChatCommandSpec } from "../../contract/chat-commands";
import type { Action, BotCommand, Role, User } from "../../contract/generated";
import type { CommandsDictionary } from "../../i18n/commands.en";
import type { Dictionary } from "../../i18n/en";
import { isolated } from "../../i18n/isolate";
import { problemText, usageOf } from "../../text/command-help";
import { isCommand } from "../../text/escaped";
import { parse, specOf } from "../../text/grammar";

/** What a command may use. */
export interface ChatContext {
  readonly t: Dictionary["chat"];
  readonly words: CommandsDictionary;
  readonly people: readonly User[];
  /** What bots offer. */
  readonly bots: readonly BotCommand[];
  readonly may: (action: Action) => boolean;
  readonly hasFiles: boolean;
  readonly send: (text: string) => void;
  readonly search: (query: string) => void;
  readonly leave: () => void;
}

export interface Outcome {
  /** Whether the message was sent or the command was run, so that the field is empty again. */
  readonly done: boolean;
  /** What to show to the user alone. */
  readonly note?: string | undefined;
  /** Where the problem is in what would be sent. */
  readonly position?: number;
}

/** The commands that only the page has. */
const PAGE_COMMANDS = {
  who: ({ t, people }: ChatContext) =>
    `${t.online(people.length)}: ${people.map(one => isolated(one.name)).join(", ")}`,
  quit: ({ leave }: ChatContext) => void leave(),
} as const;

type PageCommand = keyof typeof PAGE_COMMANDS;

const isPageCommand = (word: string): word is PageCommand => Object.hasOwn(PAGE_COMMANDS, word);

/** A command that the composer offers. */
export interface OfferedCommand {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly spec?: ChatCommandSpec;
}

/** What somebody may do who has a role, and nobody below it. */
const ROLE_ACTIONS: Readonly<Record<Role, Action>> = {
  ...{ member: "chat", viewer: "see_servers", operator: "command_servers", admin: "manage_hooks" },
};

/** The commands that the user may give, in the order of the help. */
export const offeredCommands = ({
  t,
  words,
  bots,
  may,
}: Pick<ChatContext, "t" | "words" | "bots" | "may">): readonly OfferedCommand[] => [
  ...CHAT_COMMANDS.filter(spec => may(spec.permission)).map(spec => ({
    ...{ name: spec.name, usage: usageOf(spec), summary: words.help[spec.name], spec },
  })),
  ...bots
    .filter(one => may(ROLE_ACTIONS[one.role]))
    .map(({ name, bot, help, arguments: rest }) => ({
      ...{ name, usage: `/${name} ${rest}`.trim(), summary: `${isolated(help)} (${isolated(bot)})` },
    })),
  ...(Object.keys(PAGE_COMMANDS) as PageCommand[]).map(name => ({
    ...{ name, usage: `/${name}`, summary: t.commands[name] },
  })),
];

function helpText(context: ChatContext, about: string | null): string {
  const { t, words } = context;
  const offered = offeredCommands(context);
  if (about === null)
    return [...offered.map(({ usage, summary }) => `${usage} – ${summary}`), t.escape].join("\n");
  const found = offered.find(one => one.name === about);
  if (!found) return t.noCommand(about);
  const { usage, summary, spec } = found;
  return [usage, summary, ...(spec ? [words.example(spec.example)] : [])].join("\n");
}

/** Sends `message` without the blanks around it, or runs it as a command: what would be sent is what counts. */
export function submit(message: string, context: ChatContext): Outcome {
  const text = message.trim();
  const word = /^\/(\w+)$/.exec(text)?.[1]?.toLowerCase() ?? "";
  if (isPageCommand(word)) return { done: true, note: PAGE_COMMANDS[word](context) ?? undefined };
  const said = parse(
    text,
    context.bots.map(one => one.name),
  );
  switch (said.is) {
    case "Problem":
      return {
        done: false,
        note: problemText(context.t, context.words, text, said),
        position: said.position,
      };
    case "Help":
      return { done: true, note: helpText(context, said.about) };
    case "Custom": {
      const role = context.bots.find(one => one.name === said.name)?.role ?? "member";
      return command(text, said.name, ROLE_ACTIONS[role], context);
    }
    case "SearchFor":
      context.search(said.query);
      return { done: true };
    default:
      return give(text, context);
  }
}

/** Send a message, or a command if the user may give it. */
function give(text: string, context: ChatContext): Outcome {
  const spec = isCommand(text) ? specOf(text.slice(1).split(/\s/, 1)[0] ?? "") : undefined;
  if (spec) return command(text, spec.name, spec.permission, context);
  context.send(text);
  return { done: true };
}

function command(
  text: string,
  name: string,
  permission: Action,
  { words, may, hasFiles, send }: ChatContext,
): Outcome {
  if (!may(permission)) return { done: false, note: words.notAllowed(name) };
  if (hasFiles) return { done: false, note: words.noFiles };
  send(text);
  return { done: true };
}
