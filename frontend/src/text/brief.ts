import type { Message } from "../contract/generated";

/** What a message is about, in a line of plain text: its text, or the names of its files if it has none. */
export const briefOf = ({ text, files = [] }: Pick<Message, "text" | "files">): string =>
  text || files.map(file => file.name).join(", ");
