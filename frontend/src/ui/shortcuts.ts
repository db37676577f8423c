import { signal } from "@preact/signals";
import { ROOM } from "../state/chat/model";
import { goTo, hrefs } from "./place";

/** Which of the dialogs that a key opens is open; in this module, because they are loaded on demand. */
export const dialogOpen = signal<"search" | "shortcuts" | undefined>(undefined);

/** The keys that follow "g", by their place on the keyboard: they work with any layout. */
const PLACES: Readonly<Record<string, string>> = {
  KeyC: hrefs.room(ROOM),
  KeyS: hrefs.servers,
  KeyA: hrefs.activity(),
};
/** How long "g" waits for the next key. */
const SEQUENCE_MS = 1_500;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element && target.matches("input, textarea, select, [contenteditable]");

/** Follow the keys of the whole page; returns a function that stops this. */
export function watchShortcuts(root: Document, now: () => number = () => performance.now()): () => void {
  let wentAt = Number.NEGATIVE_INFINITY;
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.repeat || event.altKey) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.code === "KeyK") {
      event.preventDefault();
      dialogOpen.value = "search";
      return;
    }
    // A modal dialog has the keys for itself.
    if (isCommand || isTyping(event.target) || root.querySelector("dialog[open]")) return;
    const href = now() - wentAt < SEQUENCE_MS ? PLACES[event.code] : undefined;
    wentAt = event.code === "KeyG" && !event.shiftKey ? now() : Number.NEGATIVE_INFINITY;
    if (href) goTo(href);
    else if (event.key === "?") dialogOpen.value = "shortcuts";
    else return;
    event.preventDefault();
  };
  root.addEventListener("keydown", onKey);
  return () => root.removeEventListener("keydown", onKey);
}
