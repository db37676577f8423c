import { effect, type ReadonlySignal } from "@preact/signals";
import type { TypingUser } from "../state/chat/model";

/** Timers may fire slightly early. */
const MARGIN_MS = 10;

/**
 * Call `expire` whenever a typing notice runs out; returns a function that stops this. Each tab does it for itself,
 * because browsers delay the timers of a leading tab in the background.
 */
export const watchTyping = (
  typing: ReadonlySignal<readonly TypingUser[]>,
  expire: (now: number) => void,
): (() => void) =>
  effect(() => {
    if (typing.value.length === 0) return;
    const next = Math.min(...typing.value.map(one => one.until));
    const timer = setTimeout(() => expire(Date.now()), Math.max(0, next - Date.now()) + MARGIN_MS);
    return () => clearTimeout(timer);
  });
