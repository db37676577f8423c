import type { Backend, ChatSocket, ServerFrame } from "../api/backend";
import { retryDelay } from "../api/errors";
import { CloseCode, RETRY_BY_CLOSE_CODE, RETRYABLE } from "../contract/generated";
import { type ChatEvent, type ChatState, ROOM, type SignOutReason } from "../state/chat/model";
import { parseRetryHint, Reconnector } from "./reconnector";

export const PAGE_SIZE = 60;
/** A send that isn't answered in this time went into a connection that is dead without knowing it. */
const ACK_TIMEOUT_MS = 10_000;
/** After a refusal that may pass, how long before the same send goes again, unless the server says. */
const BUSY_RETRY_MS = 2_000;

/** Closes after which there is no person to come back as. */
const SIGN_OUT_REASONS: Readonly<Record<number, SignOutReason>> = {
  [CloseCode.LEFT]: "left",
  [CloseCode.TOKEN_INVALID]: "token_invalid",
  [CloseCode.NAME_LOST]: "name_lost",
  [CloseCode.BANNED]: "banned",
};

interface ChatConnectionOptions {
  readonly backend: Backend;
  readonly token: string;
  /** The token of reads: none where anybody may read. */
  readonly readToken: () => string | undefined;
  readonly state: () => ChatState;
  readonly publish: (event: ChatEvent) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** Keeps one chat connection alive, resumes it, and sends what is queued: one at a time, in order. */
export class ChatConnection {
  private socket: ChatSocket | undefined;
  private welcomed = false;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly reconnector: Reconnector;

  constructor(private readonly options: ChatConnectionOptions) {
    this.reconnector = new Reconnector({
      connect: () => this.connect(),
      disconnect: () => this.disconnect(),
      report: connection => options.publish({ kind: "connection", connection }),
      ...(options.isOnline ? { isOnline: options.isOnline } : {}),
      ...(options.random ? { random: options.random } : {}),
    });
  }

  start = (): void => this.reconnector.start();
  stop = (): void => this.reconnector.stop();
  retryNow = (): void => this.reconnector.retryNow();
  onOffline = (): void => this.reconnector.onOffline();

  /** Send the first of the queue, unless one is on its way already. */
  flush(): void {
    const { outbox } = this.options.state();
    if (!this.welcomed || outbox.some(item => item.status === "sending")) return;
    const next = outbox.find(item => item.status === "queued");
    if (!next) return;
    const { clientId, text } = next;
    this.options.publish({ kind: "sending", clientId });
    this.ackTimer = setTimeout(() => this.retryNow(), ACK_TIMEOUT_MS);
    this.socket?.send({ type: "send", clientId, room: ROOM, text });
  }

  typing(): void {
    if (this.welcomed) this.socket?.send({ type: "typing", room: ROOM });
  }

  /** Leave for good: the server frees the name. Answers whether it was told. */
  leave(): boolean {
    const told = this.welcomed;
    if (told) this.socket?.send({ type: "leave" });
    this.stop();
    return told;
  }

  private connect(): void {
    const { backend, token, state } = this.options;
    const socket = backend.openChat({
      onOpen: () => {
        const since = state().resumeFrom;
        socket.send({ type: "hello", token, ...(since === undefined ? {} : { since }) });
      },
      onFrame: frame => this.onFrame(frame),
      onClose: (code, reason) => this.onClose(code, reason),
    });
    this.socket = socket;
  }

  private disconnect(): void {
    this.welcomed = false;
    clearTimeout(this.ackTimer);
    this.socket?.close();
    this.socket = undefined;
  }

  private onFrame(frame: ServerFrame): void {
    const { publish, state } = this.options;
    publish({ kind: "frame", frame, at: Date.now() });
    if (frame.type === "welcome") {
      this.welcomed = true;
      this.reconnector.opened();
    }
    if (frame.type === "welcome" || frame.type === "reset") this.loadLatestPage(state().resumeFrom);
    if (state().outbox.some(item => item.status === "sending")) return;
    clearTimeout(this.ackTimer);
    if (frame.type === "error" && RETRYABLE.includes(frame.code)) {
      this.ackTimer = setTimeout(() => this.flush(), retryDelay(frame.retryAfter, BUSY_RETRY_MS));
    } else this.flush();
  }

  /** The last page of what was said before we came; what comes later comes by the connection. */
  private async loadLatestPage(upTo: number | undefined): Promise<void> {
    if (this.options.state().loaded || upTo === undefined) return;
    const socket = this.socket;
    try {
      const query = { room: ROOM, before: upTo + 1, limit: PAGE_SIZE };
      const messages = await this.options.backend.history(query, this.options.readToken());
      if (socket !== this.socket) return;
      this.options.publish({ kind: "page", messages, limit: PAGE_SIZE });
    } catch {
      // Without history the room isn't whole: begin again, from the welcome.
      if (socket === this.socket) {
        this.disconnect();
        this.reconnector.lost();
      }
    }
  }

  private onClose(code: number, reason: string): void {
    this.disconnect();
    const retry = RETRY_BY_CLOSE_CODE[code] ?? "now";
    const signOutReason = SIGN_OUT_REASONS[code];
    if (signOutReason) {
      this.reconnector.stop();
      this.options.publish({ kind: "signedOut", reason: signOutReason });
    } else if (retry === "never") this.reconnector.refused();
    else this.reconnector.lost(parseRetryHint(reason));
  }
}
