import { signal } from "@preact/signals";

/** Whether the next load of the page gets a newer version. */
export const updateReady = signal(false);
