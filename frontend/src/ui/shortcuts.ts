import { signal } from "@preact/signals";
import { ROOM } from "../state/chat/model";
import { goTo, hrefs } from "./place";

/** Which of the dialogs that a key opens is open; in this module, because they are loaded on demand. */
export const dialogOpen = signal<"search" | "shortcuts" | undefined>(undefined);

/** What was typed after the search was asked for and before its field was there, with a line break for Enter. */
export const typedAhead = signal("");
/** How long keys are kept for the search: it is loaded on demand, and may not come. */
const AHEAD_MS = 5_000;

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

/** Keep a key for the search that is about to open; returns whether it is one that the search takes. */
function keepKey(key: string): boolean {
  const typed = typedAhead.peek();
  if (key === "Escape") dialogOpen.value = undefined;
  else if (key === "Backspace") typedAhead.value = typed.slice(0, -1);
  else if (key === "Enter") typedAhead.value = `${typed}\n`;
  else if (key.length === 1) typedAhead.value = typed + key;
  else return false;
  return true;
}

/** Go between the composer and the conversation, or close a panel; returns whether the key does that here. */
function goWithin(root: Document, { key, target }: KeyboardEvent): boolean {
  const field = root.querySelector<HTMLTextAreaElement>(".room > .composer textarea");
  const isInRoom = target instanceof Element && target.closest(".room .virtual-list") !== null;
  const find = (selector: string) => root.querySelector<HTMLElement>(selector);
  if (key === "ArrowUp" && target === field && !field?.value) find(".room li:last-child")?.focus();
  else if (key === "Escape" && isInRoom) field?.focus();
  else if (key === "Escape" && !isTyping(target)) find("[data-escape]")?.click();
  else return false;
  return true;
}

/** Follow the keys of the whole page; returns a function that stops this. */
export function watchShortcuts(root: Document, now: () => number = () => performance.now()): () => void {
  let wentAt = Number.NEGATIVE_INFINITY;
  let searchedAt = Number.NEGATIVE_INFINITY;
  // The browser closes these on Escape, unless that is prevented.
  const open = CSS.supports("selector(:popover-open)") ? "dialog[open], :popover-open" : "dialog[open]";
  const hasDialog = () => root.querySelector(open) !== null;
  // Before the focused element gets the key.
  const onEarlyKey = (event: KeyboardEvent) => {
    const isOpening = dialogOpen.peek() === "search" && now() - searchedAt < AHEAD_MS && !hasDialog();
    if (!isOpening || event.ctrlKey || event.metaKey || event.altKey || !keepKey(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.repeat || event.altKey) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && event.code === "KeyK") {
      event.preventDefault();
      if (dialogOpen.peek() !== "search") typedAhead.value = "";
      searchedAt = now();
      dialogOpen.value = "search";
      return;
    }
    // A modal dialog has the keys for itself.
    if (isCommand || hasDialog()) return;
    const isDone = goWithin(root, event);
    if (!isDone && isTyping(event.target)) return;
    const href = now() - wentAt < SEQUENCE_MS ? PLACES[event.code] : undefined;
    wentAt = event.code === "KeyG" && !event.shiftKey ? now() : Number.NEGATIVE_INFINITY;
    if (href) goTo(href);
    else if (event.key === "?") dialogOpen.value = "shortcuts";
    else if (!isDone) return;
    event.preventDefault();
  };
  root.addEventListener("keydown", onEarlyKey, true);
  root.addEventListener("keydown", onKey);
  return () => {
    root.removeEventListener("keydown", onEarlyKey, true);
    root.removeEventListener("keydown", onKey);
  };
}
