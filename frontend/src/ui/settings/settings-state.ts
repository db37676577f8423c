import { signal } from "@preact/signals";

/** Not in the dialog's module, because the dialog is loaded on demand. */
export const settingsOpen = signal(false);
export const notificationsOpen = signal(false);
