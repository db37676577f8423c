/** The texts of the search and of the list of shortcuts, in a separate dictionary that is loaded with them. */
const PROBLEMS: Readonly<Record<string, string>> & { readonly failed: string } = {
  q: "The query has too many words",
  in: "There is no room with this name that you can see",
  before: "before: takes a date such as 2026-11-30",
  after: "after: takes a date such as 2026-11-30",
  has: "has: takes link, file or image",
  limited: "Too many searches: wait a moment",
  failed: "Messages can't be searched at the moment",
};

export const en = {
  label: "Search",
  results: "Results",
  kinds: { place: "Go to", server: "Server", person: "Person", message: "Message", activity: "Activity" },
  inActivity: (text: string) => `Search activity for "${text}"`,
  hint: "↑ ↓ to choose, Enter to open, Esc to close. Messages: in:room from:name before:2026-11-30 has:link",
  found: (messages: number) => `${messages} ${messages === 1 ? "message" : "messages"} found`,
  problem: (part: string) => PROBLEMS[part] ?? PROBLEMS.failed,
  excerpt: {
    failed: "The messages could not be loaded.",
    again: "Try again",
    gone: "This message has been deleted. These are the messages around it.",
    latest: "Go to the latest messages",
  },
  close: "Close",
  keys: {
    search: "Search",
    chat: "Go to the chat",
    servers: "Go to the servers",
    activity: "Go to the activity",
    rows: "Next or previous row of a list",
    controls: "Controls of a row",
    details: "Details of the server in the focused row",
    menu: "All commands for it",
    select: "Select it",
    send: "Send the message",
    line: "New line",
    bold: "Bold",
    italic: "Italic",
    code: "Code",
    edit: "Edit your last message, from the empty field",
    messages: "From the field to the messages; Esc goes back",
    actions: "Actions for the message in this row",
    escape: "Close a dialog, menu or panel",
    shortcuts: "This list",
  },
  orKey: "or",
  thenKey: "then",
};

export type SearchDictionary = typeof en;
