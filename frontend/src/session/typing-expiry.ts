import { effect, type ReadonlySignal } from "@preact/signals";
import { isSameNotice, TYPING_MS, type TypingUser } from "../state/chat/model";

/** Timers may fire slightly early. */
const MARGIN_MS = 10;

/**
 * Call `expire` with the typing notices that run out; returns a function that stops this. Each tab does it for itself,
 * because browsers delay the timers of a leading tab in the background. It measures from when the tab got the notice,
 * by the monotonic clock: the other one may be set meanwhile.
 */
export function watchTyping(
  typing: ReadonlySignal<readonly TypingUser[]>,
  expire: (notices: readonly TypingUser[]) => void,
): () => void {
  let shown: readonly { readonly notice: TypingUser; readonly until: number }[] = [];
  return effect(() => {
    const now = performance.now();
    shown = typing.value.map(
      notice => shown.find(one => isSameNotice(one.notice, notice)) ?? { notice, until: now + TYPING_MS },
    );
    if (shown.length === 0) return;
    const next = Math.min(...shown.map(one => one.until));
    const timer = setTimeout(
      () => expire(shown.filter(one => one.until <= next + MARGIN_MS).map(one => one.notice)),
      Math.max(0, next - now),
    );
    return () => clearTimeout(timer);
  });
}
