import type { Card } from "../contract/generated";
import { isolated } from "./isolate";

const statuses: Record<Card["status"], string> = {
  firing: "Firing",
  acknowledged: "Acknowledged",
  resolved: "Resolved",
  info: "Info",
  running: "Running",
  succeeded: "Done",
  failed: "Failed",
};
const severities: Record<NonNullable<Card["severity"]>, string> = {
  info: "info",
  warning: "warning",
  critical: "critical",
};

/** The texts of cards, in a separate dictionary that is loaded with the first card. */
export const en = {
  card: (status: string, title: string) => `${status}: ${title}`,
  statuses,
  severities,
  inProgress: "In progress",
  waiting: "Needs approval",
  undone: "Undone",
  updated: (when: string) => `updated ${when}`,
  acknowledgedBy: (name: string) => `acknowledged by ${isolated(name)}`,
  from: (source: string) => `from ${isolated(source)}`,
  opensPage: (address: string) => `Opens ${address}`,
  says: (command: string) => `Sends ${command} to the thread, in your name`,
  confirmTitle: "Run this command?",
  confirmText: "The button comes from outside Opsroom. This will be sent in your name:",
  run: "Run",
  noServers: "No servers found.",
  asItWas: "As it was then",
  gone: "removed",
  retryOf: (what: string) => `Retry: ${what}`,
};

export type CardsDictionary = typeof en;
