import type { Backend, ChatConnection, ServerFrame } from "../api/backend";
import { pauseAfter } from "../api/errors";
import { RETRY_BY_CLOSE_CODE, RETRYABLE } from "../contract/generated";
import { type ChatEvent, type ChatState, ROOM, type SignOutReason } from "../state/chat/model";
import { comeBackAfter, Reconnector } from "./reconnector";

export const PAGE = 60;
/** A send that isn't answered in this time went into a connection that is dead without knowing it. */
const ANSWER_WITHIN_MS = 10_000;
/** After a refusal that may pass, how long before the same send goes again, unless the server says. */
const BUSY_PAUSE_MS = 2_000;

/** Closes after which there is no person to come back as. */
const SIGNED_OUT_BY: Readonly<Record<number, SignOutReason>> = {
  1000: "left",
  4002: "token_invalid",
  4003: "name_lost",
  4004: "banned",
};

interface ChatLinkOptions {
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
export class ChatLink {
  private connection: ChatConnection | undefined;
  private welcomed = false;
  private answerTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly reconnector: Reconnector;

  constructor(private readonly options: ChatLinkOptions) {
    this.reconnector = new Reconnector({
      connect: () => this.connect(),
      disconnect: () => this.disconnect(),
      report: link => options.publish({ kind: "link", link }),
      ...(options.isOnline ? { isOnline: options.isOnline } : {}),
      ...(options.random ? { random: options.random } : {}),
    });
  }

  start = (): void => this.reconnector.start();
  stop = (): void => this.reconnector.stop();
  retryNow = (): void => this.reconnector.retryNow();
  wentOffline = (): void => this.reconnector.wentOffline();

  /** Send the first of the queue, unless one is on its way already. */
  flush(): void {
    const { outbox } = this.options.state();
    if (!this.welcomed || outbox.some(item => item.status === "sending")) return;
    const next = outbox.find(item => item.status === "queued");
    if (!next) return;
    const { clientId, text } = next;
    this.options.publish({ kind: "sending", clientId });
    this.answerTimer = setTimeout(() => this.retryNow(), ANSWER_WITHIN_MS);
    this.connection?.send({ type: "send", clientId, room: ROOM, text });
  }

  typing(): void {
    if (this.welcomed) this.connection?.send({ type: "typing", room: ROOM });
  }

  /** Leave for good: the server frees the name. Answers whether it was told. */
  leave(): boolean {
    const told = this.welcomed;
    if (told) this.connection?.send({ type: "leave" });
    this.stop();
    return told;
  }

  private connect(): void {
    const { backend, token, state } = this.options;
    const connection = backend.openChat({
      onOpen: () => {
        const since = state().resumeFrom;
        connection.send({ type: "hello", token, ...(since === undefined ? {} : { since }) });
      },
      onFrame: frame => this.receive(frame),
      onClose: (code, words) => this.closed(code, words),
    });
    this.connection = connection;
  }

  private disconnect(): void {
    this.welcomed = false;
    clearTimeout(this.answerTimer);
    this.connection?.close();
    this.connection = undefined;
  }

  private receive(frame: ServerFrame): void {
    const { publish, state } = this.options;
    publish({ kind: "frame", frame, at: Date.now() });
    if (frame.type === "welcome") {
      this.welcomed = true;
      this.reconnector.opened();
    }
    if (frame.type === "welcome" || frame.type === "reset") this.loadNewest(state().resumeFrom);
    if (state().outbox.some(item => item.status === "sending")) return;
    clearTimeout(this.answerTimer);
    if (frame.type === "error" && RETRYABLE.includes(frame.code)) {
      this.answerTimer = setTimeout(() => this.flush(), pauseAfter(frame.retryAfter, BUSY_PAUSE_MS));
    } else this.flush();
  }

  /** The last page of what was said before we came; what comes later comes by the connection. */
  private async loadNewest(upTo: number | undefined): Promise<void> {
    if (this.options.state().loaded || upTo === undefined) return;
    const connection = this.connection;
    try {
      const asked = { room: ROOM, before: upTo + 1, limit: PAGE };
      const messages = await this.options.backend.history(asked, this.options.readToken());
      if (connection !== this.connection) return;
      this.options.publish({ kind: "page", messages, limit: PAGE });
    } catch {
      // Without history the room isn't whole: begin again, from the welcome.
      if (connection === this.connection) {
        this.disconnect();
        this.reconnector.lost();
      }
    }
  }

  private closed(code: number, words: string): void {
    this.disconnect();
    const retry = RETRY_BY_CLOSE_CODE[code] ?? "now";
    const reason = SIGNED_OUT_BY[code];
    if (reason) {
      this.reconnector.stop();
      this.options.publish({ kind: "signedOut", reason });
    } else if (retry === "never") this.reconnector.refused();
    else this.reconnector.lost(comeBackAfter(words));
  }
}
