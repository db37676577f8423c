import type { NotifyLevel } from "../contract/generated";

/** The texts of the settings of notifications, in a separate dictionary that is loaded with them. */
const LEVELS: Readonly<Record<NotifyLevel, string>> = {
  all: "All messages",
  mentions: "Mentions only",
  nothing: "Nothing",
};

export const en = {
  title: "Notifications",
  everywhere: "Notify me of",
  everywhereHint: "In all rooms without a setting of their own. Direct messages always count as mentions.",
  inRoom: "Notifications",
  levels: LEVELS,
  usual: (level: NotifyLevel) => `As usual: ${LEVELS[level].toLowerCase()}`,
  quiet: "Do not disturb",
  begin: "From",
  end: "To",
  zone: (zone: string) => `Time zone: ${zone}`,
  here: "On this device",
  desktop: "Show messages while this tab is hidden",
  sound: "Play a sound",
  push: "Notify me while Opsroom is closed",
  devices: (count: number) =>
    count === 1
      ? "One of your devices gets push notifications."
      : `${count} of your devices get push notifications.`,
  pushOff: "Push notifications are turned off on this server.",
  pushInsecure: "Push notifications require HTTPS and a browser that supports them.",
  pushFailed: "This browser can't get push notifications.",
  blocked: "This browser doesn't allow notifications for this page. Change that in its site settings.",
  failed: "The settings could not be saved. Try again.",
  loading: "Loading…",
  close: "Close",
};
