import type { Backend } from "../api/backend";
import { isTransient } from "../api/errors";
import { isOfOtherEpoch, readHistory } from "../live/history";
import { conversationOf } from "../state/chat/messages";
import type { ChatEvent, ChatState } from "../state/chat/model";

/** How long to wait after older history couldn't be loaded. */
const RETRY_MS = 2_000;

interface OlderMessagesOptions {
  readonly backend: Pick<Backend, "history">;
  readonly state: () => ChatState;
  readonly token: () => string | undefined;
  /** Applies an event in this tab only. */
  readonly apply: (event: ChatEvent) => void;
}

/** Loads the pages of history that a user scrolls up to, one at a time for each room. */
export class OlderMessages {
  private readonly loading = new Set<string>();
  private retryAt = 0;

  constructor(private readonly options: OlderMessagesOptions) {}

  /** Load the previous page of a room. Throws the error responses of the backend. */
  async load(room: string): Promise<void> {
    const { backend, state, token, apply } = this.options;
    const { loaded, hasOlder, olderBefore, messages } = conversationOf(state(), room);
    const first = messages[0]?.seq;
    const before = olderBefore ?? first;
    if (!loaded || !hasOlder || this.loading.has(room) || before === undefined) return;
    if (performance.now() < this.retryAt) return;
    this.loading.add(room);
    try {
      const page = await readHistory(backend, { room, before }, token());
      // After a reset, the page may be of a stream that no longer exists.
      const now = state();
      if (conversationOf(now, room).messages[0]?.seq !== first || isOfOtherEpoch(page, now)) return;
      apply({ kind: "page", room, page });
    } catch (error) {
      this.retryAt = performance.now() + RETRY_MS;
      // Scrolling up retries; any other error response would be a bug, so it is thrown.
      if (!isTransient(error)) throw error;
    } finally {
      this.loading.delete(room);
    }
  }
}
