import type { ChatState } from "../state/chat/model";

/** The clock's tick may come a little before the moment that it was asked for. */
const MARGIN_MS = 10;

/** Tells when the next of those who were typing has stopped. */
export class TypingExpiry {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly expire: (now: number) => void) {}

  /** From now on, of `typing` alone. */
  watch(typing: ChatState["typing"]): void {
    clearTimeout(this.timer);
    if (typing.length === 0) return;
    const next = Math.min(...typing.map(one => one.until));
    this.timer = setTimeout(() => this.expire(Date.now()), Math.max(0, next - Date.now()) + MARGIN_MS);
  }
}
