import type { User } from "../../contract/generated";
import type { Dictionary } from "../../i18n/en";
import { isolated } from "../../i18n/isolate";
import { parseMessage, type SlashCommand } from "../../text/slash-commands";

/** What a command may use. */
export interface ChatContext {
  readonly t: Dictionary["chat"];
  readonly people: readonly User[];
  readonly send: (text: string) => void;
  readonly leave: () => void;
}

/** The commands of the composer. To add one, add its row, and its summary to the dictionaries. */
const COMMANDS: readonly (SlashCommand<ChatContext> & {
  readonly name: keyof Dictionary["chat"]["commands"];
})[] = [
  {
    name: "help",
    run: ({ t }) => [...COMMANDS.map(({ name }) => `/${name} – ${t.commands[name]}`), t.escape].join("\n"),
  },
  {
    name: "who",
    run: ({ t, people }) => `${t.online(people.length)}: ${people.map(one => isolated(one.name)).join(", ")}`,
  },
  { name: "quit", run: ({ leave }) => void leave() },
];

export interface Outcome {
  /** Whether the message was sent or the command was run, so that the field is empty again. */
  readonly done: boolean;
  /** What to show to the user alone. */
  readonly note?: string | undefined;
}

/** Sends `message` without the blanks around it, or runs it as a command: what would be sent is what counts. */
export function submit(message: string, context: ChatContext): Outcome {
  const parsed = parseMessage(message.trim(), COMMANDS);
  switch (parsed.kind) {
    case "text":
      context.send(parsed.text.trim());
      return { done: true };
    case "command":
      return { done: true, note: parsed.command.run(context, parsed.argument) };
    case "unknown":
      return { done: false, note: context.t.noCommand(parsed.name) };
    default:
      return parsed satisfies never;
  }
}
