import { signal } from "@preact/signals";

/** Which of the dialogs about rooms is open; in this module, because they are loaded on demand. */
export const roomDialog = signal<"new" | "browse" | "direct" | undefined>(undefined);
