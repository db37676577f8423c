import type { ChatCommandSpec, ChatParameter } from "../contract/chat-commands";
import type { CommandsDictionary } from "../i18n/commands.en";
import type { Dictionary } from "../i18n/en";
import { isolated } from "../i18n/isolate";
import type { Problem } from "./grammar-words";

function parameterText({ keyword, label, required }: ChatParameter): string {
  const words = [keyword, label].filter(Boolean).join(" ");
  return required ? words : `[${words}]`;
}

/** How a command is written. */
export const usageOf = ({ name, parameters }: ChatCommandSpec): string =>
  [`/${name}`, ...parameters.map(parameterText)].join(" ");

/** The word of a text at a place. */
const wordAt = (text: string, position: number): string => /^\S*/.exec(text.slice(position))?.[0] ?? "";

/** What is wrong with a command, and how it is written. */
export function problemText(
  t: Dictionary["chat"],
  words: CommandsDictionary,
  text: string,
  { reason, field, position }: Problem,
): string {
  const word = wordAt(text, position);
  switch (reason) {
    case "unknown":
      return t.noCommand(word.slice(1));
    case "quote":
      return words.quote;
    case "mixed":
      return words.mixed;
    case "extra":
      return words.extra(word);
    case "limit":
      return words.limit[field] ?? words.tooLong;
    case "missing":
      return words.missing[field] ?? words.incomplete;
    case "invalid":
      return `${words.invalid[field] ?? words.notUnderstood} ${isolated(word)}`;
    default:
      return reason satisfies never;
  }
}
