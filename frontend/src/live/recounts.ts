import type { Backend } from "../api/backend";
import { ApiError, retryDelay } from "../api/errors";
import {
  type EditedFrame,
  RETRYABLE,
  type RemovedFrame,
  type ServerFrame,
  type ThreadsUnread,
} from "../contract/generated";
import type { ChatState } from "../state/chat/model";
import { readUpTo } from "../state/chat/rooms";
import { mayBeUnreadReply } from "../state/chat/threads";

/** How long changes are gathered before the counts are requested: many messages may be removed at once. */
const GATHER_MS = 300;
/** The delay before counts are requested again that the server does not have yet, without Retry-After. */
const RETRY_MS = 2_000;

interface RecountsOptions {
  readonly backend: Pick<Backend, "messages">;
  readonly state: () => ChatState;
  readonly token: string;
  /** Sends a read position; one that is stored already has the server count again. */
  readonly read: (room: string, seq: number) => void;
  readonly onThreads: (counts: ThreadsUnread) => void;
}

/** Has the server count what this page can't: followed threads at first, and all that removals and edits change. */
export class Recounts {
  private readonly rooms = new Set<string>();
  /** The sequence number that the counts of threads must include; undefined: they are not needed. */
  private threads: number | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Another one for each connection, so that earlier responses are ignored. */
  private run = 0;

  constructor(private readonly options: RecountsOptions) {}

  /** The connection is ready, or the server has reset it. */
  restart(): void {
    this.stop();
    this.threads = 0;
    this.later(0);
  }

  stop(): void {
    this.run += 1;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.threads = undefined;
    this.rooms.clear();
  }

  /** A message that may be unread was removed, or may mention others than before; or the user has joined a room. */
  onFrame(frame: ServerFrame): void {
    // Of a room that the user has joined again, the threads are theirs again.
    if (frame.type === "room" && frame.role !== undefined) this.threads ??= 0;
    if (frame.type === "removed" || frame.type === "edited") this.onChange(frame);
    if (this.rooms.size > 0 || this.threads !== undefined) this.later(GATHER_MS);
  }

  private onChange(frame: RemovedFrame | EditedFrame): void {
    const state = this.options.state();
    const { room, seq } = frame;
    const place = frame.type === "removed" ? frame.messageSeq : frame.message.seq;
    const read = readUpTo(state, room);
    const isOwn = frame.type === "edited" && frame.message.user.id === state.me?.id;
    if (read !== undefined && place > read && !isOwn) this.rooms.add(room);
    if (frame.type === "removed" && mayBeUnreadReply(state, room, place)) this.threads = seq;
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.request();
    }, ms);
  }

  private request(): void {
    for (const room of this.rooms) {
      const read = readUpTo(this.options.state(), room);
      if (read !== undefined) this.options.read(room, read);
    }
    this.rooms.clear();
    const { threads } = this;
    this.threads = undefined;
    if (threads !== undefined) void this.countThreads(threads);
  }

  private async countThreads(atLeast: number): Promise<void> {
    const { run } = this;
    const { backend, token, onThreads } = this.options;
    try {
      const counts = await (await backend.messages()).threadsUnread(atLeast, token);
      if (run === this.run) onThreads(counts);
    } catch (error) {
      if (run !== this.run || !(error instanceof ApiError) || !RETRYABLE.includes(error.code)) return;
      this.threads = Math.max(this.threads ?? 0, atLeast);
      this.later(retryDelay(error.problem.retryAfter, RETRY_MS));
    }
  }
}
