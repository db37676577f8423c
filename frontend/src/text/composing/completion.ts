/** What is being typed before the caret and can be completed. */
export interface Trigger {
  readonly kind: "mention" | "emoji" | "command" | "argument";
  /** What is typed of it, without `@`, `:` or `/`. */
  readonly query: string;
  /** Where it begins in the text, with its sign. */
  readonly from: number;
  /** For an argument: the name of its command, and the words between them. */
  readonly command?: string;
  readonly before?: readonly string[];
}

/** How far before the caret something that can be completed begins, at most. */
const REACH = 40;
/** How long a command is at most, of which arguments are completed. */
const COMMAND_REACH = 1_000;
const COMMAND = /^\/([^\s/]*)$/;
const ARGUMENT = /^\/([a-z][a-z0-9-]*)[ \t](.*)$/i;
const MENTION = /(?:^|[\s(])@([\p{L}\p{M}\p{N}_.-]*)$/u;
const EMOJI = /(?:^|[\s(])(?::([\p{L}\d_+-]{2,}))$/u;

/** The argument of a command that ends at the caret, if the text is one. */
function argumentIn(before: string): Trigger | undefined {
  const [, command, rest = ""] = ARGUMENT.exec(before) ?? [];
  if (command === undefined) return undefined;
  const words = rest.split(/[ \t]+/);
  const query = words.pop() ?? "";
  const from = before.length - query.length;
  return { kind: "argument", query, from, command: command.toLowerCase(), before: words.filter(Boolean) };
}

/** What can be completed at `caret`; undefined if nothing. */
export function triggerAt(text: string, caret: number): Trigger | undefined {
  const isCommand = text.startsWith("/") && !text.startsWith("//") && !text.includes("\n");
  if (isCommand && caret <= COMMAND_REACH) {
    const before = text.slice(0, caret);
    const command = COMMAND.exec(before)?.[1];
    if (command !== undefined) return { kind: "command", query: command, from: 0 };
    const argument = argumentIn(before);
    if (argument && !/^[@:]/.test(argument.query)) return argument;
  }
  const before = text.slice(Math.max(0, caret - REACH), caret);
  const mention = MENTION.exec(before)?.[1];
  if (mention !== undefined) return { kind: "mention", query: mention, from: caret - mention.length - 1 };
  const emoji = EMOJI.exec(before)?.[1];
  return emoji === undefined ? undefined : { kind: "emoji", query: emoji, from: caret - emoji.length - 1 };
}

/** The order in which people are suggested: those whose name begins with the query, then those with a word that does. */
export function namesFor(query: string, names: readonly string[], limit: number): readonly string[] {
  const wanted = query.toLowerCase();
  const rank = (name: string): number => {
    const lower = name.toLowerCase();
    if (lower.startsWith(wanted)) return 0;
    return lower.split(/[\s._-]/).some(word => word.startsWith(wanted)) ? 1 : 2;
  };
  return names
    .map((name, index) => ({ name, index, at: rank(name) }))
    .filter(({ at }) => at < 2)
    .sort((a, b) => a.at - b.at || a.index - b.index)
    .slice(0, limit)
    .map(({ name }) => name);
}
