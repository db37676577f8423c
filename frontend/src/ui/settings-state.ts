import { signal } from "@preact/signals";

/** Apart from the dialog itself, which is loaded only when it is wanted. */
export const settingsOpen = signal(false);
