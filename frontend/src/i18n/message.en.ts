import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("en");

/** The texts of messages and of what one can do with them; loaded with what needs them. */
export const en = {
  copyCode: "Copy the code",
  bold: "Bold (Ctrl+B)",
  italic: "Italic (Ctrl+I)",
  code: "Code (Ctrl+E)",
  mention: "Mention someone",
  completions: "Suggestions",
  suggestions: (n: number) => count(n, { one: "# suggestion", other: "# suggestions" }),
  everybodyIn: "Everyone in the room",
  everybodyHere: "Everyone who is here now",
  findEmoji: "Find an emoji",
  recentEmoji: "Recent",
  noEmoji: "No emoji found.",
  more: "More actions",
  edit: "Edit",
  editing: "Edit the message",
  save: "Save",
  quote: "Quote",
  reply: "Reply in a thread",
  replies: (n: number) => count(n, { one: "# reply", other: "# replies" }),
  inThread: "In a thread",
  thread: "Thread",
  closeThread: "Close the thread",
  earlierReplies: "Show earlier replies",
  threadFailed: "The thread could not be loaded.",
  again: "Try again",
  noReplies: "No replies yet.",
  copyText: "Copy the text",
  copyLink: "Copy the link",
  pin: "Pin",
  unpin: "Unpin",
  unpinOf: (name: string) => `Unpin the message of ${name}`,
  pinned: "Pinned",
  react: "Add a reaction",
  reactions: "Reactions",
  you: "You",
  reacted: (emoji: string, names: readonly string[], others: number) =>
    `${emoji} ${[...names.map(isolated), ...(others > 0 ? [count(others, { one: "# other", other: "# others" })] : [])].join(", ")}`,
  delete: "Delete",
  deleteTitle: "Delete this message?",
  deleteHint: "Its text, files and reactions disappear for everyone. This can't be undone.",
  edited: "edited",
  editedAt: (when: string) => `Edited ${when}`,
  saving: "saving…",
  failedChange: {
    edit: "Edit not saved",
    delete: "Not deleted",
    react: "Reaction not saved",
    pin: "Pin not saved",
  },
};

export type MessageDictionary = typeof en;
