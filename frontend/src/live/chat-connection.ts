import type { Backend, ChatSocket } from "../api/backend";
import { retryDelay } from "../api/errors";
import { CloseCode, RETRY_BY_CLOSE_CODE, RETRYABLE, type ServerFrame } from "../contract/generated";
import { type ChatEvent, type ChatState, ROOM, type SignOutReason } from "../state/chat/model";
import { isOfOtherEpoch, readHistory } from "./history";
import type { PageStore } from "./page-store";
import { parseRetryHint, Reconnector } from "./reconnector";

/** Without an ack in this time, the connection is considered dead. */
const ACK_TIMEOUT_MS = 10_000;
/** The delay before a send is retried after a transient error without Retry-After. */
const BUSY_RETRY_MS = 2_000;

/** The fields of a hello that gateways of earlier releases reject. */
const UNKNOWN_FIELDS: readonly string[] = ["epoch", "timestamp"];

/** The close codes after which the user is signed out and the page doesn't reconnect. */
const SIGN_OUT_REASONS: Readonly<Record<number, SignOutReason>> = {
  [CloseCode.LEFT]: "left",
  [CloseCode.TOKEN_INVALID]: "token_invalid",
  [CloseCode.NAME_LOST]: "name_lost",
  [CloseCode.BANNED]: "banned",
};

interface ChatConnectionOptions {
  readonly backend: Backend;
  readonly token: string;
  /** The token for reads: undefined if reads are public. */
  readonly readToken: () => string | undefined;
  readonly store: PageStore;
  /** Called when the server has closed the connection for this reason. */
  readonly onSignedOut: (reason: SignOutReason) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** A chat connection that reconnects, resumes, and sends queued messages one at a time and in order. */
export class ChatConnection {
  private socket: ChatSocket | undefined;
  private welcomed = false;
  /** How many resets the server has sent. */
  private resets = 0;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly reconnector: Reconnector;

  constructor(private readonly options: ChatConnectionOptions) {
    this.reconnector = new Reconnector({
      connect: () => this.connect(),
      disconnect: () => this.disconnect(),
      report: connection => this.dispatch({ kind: "connection", connection }),
      ...(options.isOnline ? { isOnline: options.isOnline } : {}),
      ...(options.random ? { random: options.random } : {}),
    });
  }

  start = (): void => this.reconnector.start();
  stop = (): void => this.reconnector.stop();
  retryNow = (): void => this.reconnector.retryNow();
  onOffline = (): void => this.reconnector.onOffline();

  /** Send the first queued message, unless another one is still unacknowledged. */
  flush(): void {
    const { outbox } = this.state();
    if (!this.welcomed || outbox.some(item => item.status === "sending")) return;
    const next = outbox.find(item => item.status === "queued");
    if (!next) return;
    const { clientId, text } = next;
    this.dispatch({ kind: "sending", clientId });
    this.ackTimer = setTimeout(() => this.retryNow(), ACK_TIMEOUT_MS);
    this.socket?.send({ type: "send", clientId, room: ROOM, text });
  }

  typing(): void {
    if (this.welcomed) this.socket?.send({ type: "typing", room: ROOM });
  }

  /** Leave the chat: the server releases the name. Returns whether the leave frame was sent. */
  leave(): boolean {
    const canSend = this.welcomed;
    if (canSend) this.socket?.send({ type: "leave" });
    this.stop();
    return canSend;
  }

  private state(): ChatState {
    return this.options.store.state.peek().chat;
  }

  private dispatch(event: ChatEvent): void {
    this.options.store.dispatch({ store: "chat", event });
  }

  private connect(): void {
    const { backend, token } = this.options;
    const socket = backend.openChat({
      onOpen: () => {
        const { resumeFrom, epoch, resumeTimestamp } = this.state();
        socket.send({
          ...{ type: "hello", token },
          ...(resumeFrom === undefined ? {} : { since: resumeFrom }),
          ...(epoch === undefined ? {} : { epoch }),
          ...(resumeTimestamp === undefined ? {} : { timestamp: resumeTimestamp }),
        });
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
    if (frame.type === "error" && !this.welcomed && UNKNOWN_FIELDS.includes(frame.field ?? "")) {
      // A gateway of an earlier release, during an upgrade.
      const since = this.state().resumeFrom;
      const { token } = this.options;
      return this.socket?.send({ type: "hello", token, ...(since === undefined ? {} : { since }) });
    }
    if (frame.type === "reset") this.resets += 1;
    this.dispatch({ kind: "frame", frame, at: Date.now() });
    if (frame.type === "welcome") {
      this.welcomed = true;
      this.reconnector.opened();
    }
    if (frame.type === "welcome" || frame.type === "reset") this.loadLatestPage(this.state().resumeFrom);
    if (this.state().outbox.some(item => item.status === "sending")) return;
    clearTimeout(this.ackTimer);
    if (frame.type === "error" && RETRYABLE.includes(frame.code)) {
      this.ackTimer = setTimeout(() => this.flush(), retryDelay(frame.retryAfter, BUSY_RETRY_MS));
    } else this.flush();
  }

  /** Load the last page of history before the welcome; later messages arrive over the connection. */
  private async loadLatestPage(upTo: number | undefined): Promise<void> {
    if (this.state().loaded || upTo === undefined) return;
    const [socket, resets] = [this.socket, this.resets];
    try {
      const page = await readHistory(this.options.backend, upTo + 1, this.options.readToken());
      // After a reset, the page may be of a stream that no longer exists.
      if (socket !== this.socket || resets !== this.resets) return;
      if (isOfOtherEpoch(page, this.state())) throw new Error("the page is of another epoch");
      this.dispatch({ kind: "page", page });
    } catch {
      // Without history the room is incomplete: reconnect and start again.
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
      this.options.onSignedOut(signOutReason);
    } else if (retry === "never") this.reconnector.refused();
    else this.reconnector.lost(parseRetryHint(reason));
  }
}
