import type { Card } from "../contract/generated";

/** What the demo's people are called and say. */
export interface DemoTexts {
  readonly names: readonly [string, string, string];
  /** The conversation so far: the index of the person, and how many minutes ago. */
  readonly messages: readonly { readonly by: number; readonly minutes: number; readonly text: string }[];
  readonly replies: readonly string[];
  /** An alert, a minute ago. */
  readonly alert: Pick<Card, "title" | "text" | "fields" | "actions">;
}

export const en: DemoTexts = {
  names: ["Alexandra", "Peter", "Ivan"],
  messages: [
    { by: 0, minutes: 140, text: "I couldn't sleep, so I moved the nightly build to two small servers." },
    { by: 1, minutes: 136, text: "Good. The old one can go once its disk is copied." },
    { by: 2, minutes: 90, text: "Copied 👍\nI stopped it. Could somebody remove it in the morning?" },
    {
      by: 0,
      minutes: 2,
      text: "Morning! This room is a demo. It runs in your browser, and nothing leaves it.",
    },
  ],
  replies: [
    "Nice. Try Undo: you have ten seconds 🙂",
    "I keep the servers open next to the chat. The Worklog shows everything.",
    "On it. There is still no article about us: https://en.wikipedia.org/wiki/Ops 😁",
    "Welcome! Create a server if you like. It costs nothing here.",
  ],
  alert: {
    title: "web-2 answers slowly",
    text: "The 95th percentile has been above **2 s** for 5 minutes.",
    fields: [
      { name: "Check", value: "http-latency", short: true },
      { name: "Now", value: "2.7 s", short: true },
    ],
    actions: [
      { label: "Restart web-2", command: "/restart web-2" },
      { label: "Show servers", command: "/ps label:env=prod" },
    ],
  },
};
