import type { Backend } from "../api/backend";
import { ApiError, retryDelay } from "../api/errors";
import { type ErrorCode, RETRYABLE } from "../contract/generated";
import type { ChatState, HistoryPage } from "../state/chat/model";
import { isOfOtherEpoch, readHistory } from "./history";

/** The errors for a room that the user is no longer in. */
const ROOM_LOST: readonly ErrorCode[] = ["room_unknown", "forbidden"];
/** The delay before a page is requested again that the server does not have yet, without Retry-After. */
const RETRY_MS = 2_000;

interface LatestPagesOptions {
  readonly backend: Pick<Backend, "history">;
  readonly state: () => ChatState;
  readonly token: string;
  readonly onPage: (room: string, page: HistoryPage) => void;
  /** The server does not have the messages at the moment; they are requested again. */
  readonly onDelay: (room: string) => void;
  readonly onFailure: () => void;
}

/** Loads the latest messages of the rooms that were opened, while there is a connection that brings later ones. */
export class LatestPages {
  /** The rooms whose messages are being loaded; another set after each start, so that earlier responses are ignored. */
  private loading: Set<string> | undefined;
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(private readonly options: LatestPagesOptions) {}

  /** The connection is ready, or the server has reset it: what is still being loaded no longer counts. */
  restart(): void {
    this.stop();
    this.loading = new Set();
  }

  /** The connection has ended. */
  stop(): void {
    this.loading = undefined;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  /** Load what is missing. */
  load(): void {
    const { loading } = this;
    if (!loading) return;
    for (const [room, { loaded }] of this.options.state().conversations)
      if (!loaded && !loading.has(room)) void this.loadRoom(room, loading);
  }

  private async loadRoom(room: string, loading: Set<string>): Promise<void> {
    loading.add(room);
    const { backend, state, token, onPage, onDelay, onFailure } = this.options;
    const { resumeFrom = 0, rooms } = state();
    const isOpen = rooms.get(room)?.room.kind === "open";
    // What is later arrives over the connection. Of a room that the user has just joined, some of it doesn't.
    const place = isOpen ? { room, before: resumeFrom + 1 } : { room };
    try {
      const page = await readHistory(backend, place, token);
      // After a reset, the page may be of a stream that no longer exists.
      if (loading !== this.loading) return;
      loading.delete(room);
      if (isOfOtherEpoch(page, state())) onFailure();
      else onPage(room, page);
    } catch (error) {
      if (loading !== this.loading) return;
      // While a chat service builds its index, messages arrive and can be sent; only the history has to wait.
      if (error instanceof ApiError && RETRYABLE.includes(error.code)) {
        onDelay(room);
        this.later(retryDelay(error.problem.retryAfter, RETRY_MS), () => {
          loading.delete(room);
          this.load();
        });
        return;
      }
      loading.delete(room);
      // A room that the user may not read is not theirs any longer, and a frame says so.
      if (!(error instanceof ApiError && ROOM_LOST.includes(error.code))) onFailure();
    }
  }

  private later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }
}
