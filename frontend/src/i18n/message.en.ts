import { plural } from "./plural";

const count = plural("en");

/** The texts of messages and of what one can do with them; loaded with what needs them. */
export const en = {
  copyCode: "Copy the code",
  bold: "Bold (Ctrl+B)",
  italic: "Italic (Ctrl+I)",
  code: "Code (Ctrl+E)",
  mention: "Mention somebody",
  completions: "Suggestions",
  suggestions: (n: number) => count(n, { one: "# suggestion", other: "# suggestions" }),
  everybodyIn: "Everybody in the room",
  everybodyHere: "Everybody who is here now",
};

export type MessageDictionary = typeof en;
