/**
 * The grammar of what a user types into the composer: text, or a command such as `/help`. The command line has
 * the same one (`slash_commands.py`). The server relays every text as it is.
 */

/** A command. `run` gets the rest of the line and returns a note for the user alone, if there is one. */
export interface SlashCommand<Context> {
  readonly name: string;
  readonly run: (context: Context, argument: string) => string | undefined;
}

export type Parsed<Context> =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "command"; readonly command: SlashCommand<Context>; readonly argument: string }
  | { readonly kind: "unknown"; readonly name: string };

/** Parses one message. `//` at its beginning stands for `/`; a message of several lines is text. */
export function parseMessage<Context>(
  message: string,
  commands: readonly SlashCommand<Context>[],
): Parsed<Context> {
  if (!message.startsWith("/") || message.includes("\n")) return { kind: "text", text: message };
  if (message.startsWith("//")) return { kind: "text", text: message.slice(1) };
  const [, name = "", argument = ""] = /^\/(\S*)\s*(.*)$/.exec(message) ?? [];
  const command = commands.find(one => one.name === name.toLowerCase());
  return command ? { kind: "command", command, argument: argument.trim() } : { kind: "unknown", name };
}
