import type { Incident } from "../contract/generated";
import { isolated } from "./isolate";
import { plural } from "./plural";

const count = plural("en");

const statuses: Record<Incident["status"], string> = {
  open: "Open",
  acknowledged: "In progress",
  closed: "Closed",
};

/** The texts of incidents and of the past, in a separate dictionary that is loaded with their views. */
export const en = {
  title: "Incidents",
  about:
    "Threads with a status and a lead. To open one, send /incident in a thread, or /incident and a title.",
  help: "How incidents work",
  statuses,
  show: "Show",
  all: "All",
  columns: { title: "Incident", status: "Status", room: "Room", lead: "Lead", opened: "Opened" },
  openedBy: (when: string, who: string) => `${when} by ${isolated(who)}`,
  replies: (n: number) => count(n, { one: "# reply", other: "# replies" }),
  removed: "(the first message was removed)",
  nobody: "nobody yet",
  empty: "No incidents yet. Open one with /incident in a room, or with the button on the card of an alert.",
  noMatch: "No incidents with this status.",
  loading: "Loading incidents…",
  failed: "Incidents could not be loaded.",
  retry: "Try again",
  more: "Earlier incidents",
  head: "Incident",
  led: (who: string) => `led by ${isolated(who)}`,
  takeLead: "Take the lead",
  close: "Close incident",
  reopen: "Reopen",
  report: "Report",
  reportTitle: "Download the report as Markdown",
  done: { lead: "You took the lead", close: "Incident closed", reopen: "Incident reopened" },
  pastTitle: (room: string) => `${isolated(room)} as it was`,
  pastBanner: (when: string) => `As it was at ${when}. Nothing can be changed here.`,
  pastNote: "Texts that were edited or removed since are erased, so nobody can see them any more.",
  now: "Back to now",
  earlier: "One message earlier",
  later: "One message later",
  pastMessages: "Messages",
  pastServers: "Servers",
  noMessages: "There were no messages.",
  noServers: "There were no servers.",
  serversUnknown: "What the servers were like then is no longer known.",
  pastFailed: "This moment can't be shown.",
  erasedEdited: "The text of then is erased: it was edited later.",
  erasedRemoved: "Erased: this message was removed later.",
};

export type IncidentsDictionary = typeof en;
