/** The texts of the search and of the list of shortcuts, in a separate dictionary that is loaded with them. */
export const en = {
  label: "Search",
  results: "Results",
  kinds: { place: "Go to", server: "Server", person: "Person", activity: "Activity" },
  inActivity: (text: string) => `Search activity for "${text}"`,
  hint: "↑ ↓ to choose, Enter to open, Esc to close",
  close: "Close",
  keys: {
    search: "Search",
    chat: "Go to the chat",
    servers: "Go to the servers",
    activity: "Go to the activity",
    rows: "Next or previous row of a list",
    controls: "Controls of a row",
    details: "Details of the server in the focused row",
    menu: "All that can be done to it",
    select: "Select it",
    send: "Send the message",
    line: "New line",
    bold: "Bold",
    italic: "Italic",
    code: "Code",
    edit: "Edit your last message, from the empty field",
    messages: "From the field to the messages; Esc goes back",
    actions: "What can be done with the message in this row",
    escape: "Close a dialog, menu or panel",
    shortcuts: "This list",
  },
  orKey: "or",
  thenKey: "then",
};

export type SearchDictionary = typeof en;
