import type { ChatState } from "../state/chat/model";

/** Timers may fire slightly early. */
const MARGIN_MS = 10;

/** Calls `expire` when the next typing notice runs out. */
export class TypingExpiry {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly expire: (now: number) => void) {}

  /** Replace the notices to watch. */
  watch(typing: ChatState["typing"]): void {
    clearTimeout(this.timer);
    if (typing.length === 0) return;
    const next = Math.min(...typing.map(one => one.until));
    this.timer = setTimeout(() => this.expire(Date.now()), Math.max(0, next - Date.now()) + MARGIN_MS);
  }
}
