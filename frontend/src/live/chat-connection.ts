import type { Backend, ChatSocket } from "../api/backend";
import { retryDelay } from "../api/errors";
import {
  CloseCode,
  type ErrorFrame,
  RETRY_BY_CLOSE_CODE,
  RETRYABLE,
  type RoomUnread,
  type ServerFrame,
  type WelcomeFrame,
} from "../contract/generated";
import type { ChatEvent, ChatState, SignOutReason } from "../state/chat/model";
import { readUpTo } from "../state/chat/rooms";
import { LatestPages } from "./latest-pages";
import { frameOf, type OutgoingItem } from "./outgoing-frame";
import type { PageStore } from "./page-store";
import { parseRetryHint, Reconnector } from "./reconnector";
import { Recounts } from "./recounts";
import { SilenceWatch } from "./silence-watch";

/** Without an ack in this time, the connection is considered dead. */
const ACK_TIMEOUT_MS = 10_000;
/** The delay before a send is retried after a transient error without Retry-After. */
const BUSY_RETRY_MS = 2_000;

/** How many read positions a new connection reports at once; the others follow with the next one. */
const REPORTS_MAX = 50;

/** The fields of a hello that gateways of earlier releases reject. */
const UNKNOWN_FIELDS: readonly string[] = [
  "epoch",
  "timestamp",
  "heartbeats",
  "userPages",
  "unread",
  "notifications",
  "threads",
];
/** The close codes that a frame of ours causes, in which case the next connection must not repeat it. */
const FRAME_REFUSED: readonly number[] = [CloseCode.TOO_BIG, CloseCode.PROTOCOL];

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
  readonly store: PageStore;
  /** Called when the server has closed the connection for this reason. */
  readonly onSignedOut: (reason: SignOutReason) => void;
  readonly isOnline?: () => boolean;
  readonly random?: () => number;
}

/** A chat connection that reconnects, resumes, and sends queued messages and changes one at a time and in order. */
export class ChatConnection {
  private socket: ChatSocket | undefined;
  private welcomed = false;
  private readonly latest: LatestPages;
  private ackTimer: ReturnType<typeof setTimeout> | undefined;
  /** Runs while the server wants us to wait before the next send. */
  private busyTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the server has rejected the fields that gateways of earlier releases don't know. */
  private isOlder = false;
  /** Whether the server has refused a message on this connection. */
  private hasRefused = false;
  private readonly recounts: Recounts;
  private readonly silence = new SilenceWatch(() => this.onSilence());
  private readonly reconnector: Reconnector;

  constructor(private readonly options: ChatConnectionOptions) {
    this.latest = new LatestPages({
      ...{ backend: options.backend, token: options.token },
      state: () => this.state(),
      onPage: (room, page) => this.dispatch({ kind: "page", room, page }),
      onDelay: room => this.dispatch({ kind: "delayed", room }),
      // Without history the room is incomplete: reconnect and start again.
      onFailure: () => this.onSilence(),
    });
    this.recounts = new Recounts({
      ...{ backend: options.backend, token: options.token },
      state: () => this.state(),
      read: (room, seq) => this.read(room, seq),
      onThreads: counts => this.dispatch({ kind: "threads", counts }),
    });
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
  wake = (): void => this.silence.wake();

  /** Send the first queued message, unless another one is still unacknowledged. */
  flush(): void {
    if (!this.welcomed || this.busyTimer !== undefined || this.sending()) return;
    const { outbox, changes } = this.state();
    const [message, change] = [outbox, changes].map(items => items.find(item => item.status === "queued"));
    const next = message && change ? (change.at < message.at ? change : message) : (message ?? change);
    if (!next) return;
    this.dispatch({ kind: "sending", clientId: next.clientId });
    this.ackTimer = setTimeout(() => this.retryNow(), ACK_TIMEOUT_MS);
    this.socket?.send(frameOf(next));
  }

  typing(room: string): void {
    if (this.welcomed) this.socket?.send({ type: "typing", room });
  }

  /** Report how far the user has read a room. Gateways of earlier releases don't want to know. */
  read(room: string, seq: number): void {
    if (this.welcomed && !this.isOlder) this.socket?.send({ type: "read", room, seq });
  }

  /** Request the next page of the users, if there is one. */
  moreUsers(): void {
    const { nextUsers } = this.state();
    if (this.welcomed && nextUsers !== undefined) this.socket?.send({ type: "users", after: nextUsers });
  }

  /** Leave the chat: the server releases the name. Returns whether the leave frame was sent. */
  leave(): boolean {
    const canSend = this.welcomed;
    if (canSend) this.socket?.send({ type: "leave" });
    this.stop();
    return canSend;
  }

  private sending(): OutgoingItem | undefined {
    const { outbox, changes } = this.state();
    return [...outbox, ...changes].find(item => item.status === "sending");
  }

  private state(): ChatState {
    return this.options.store.state.peek().chat;
  }

  private dispatch(event: ChatEvent): void {
    this.options.store.dispatch({ store: "chat", event });
  }

  private connect(): void {
    this.isOlder = false;
    this.hasRefused = false;
    this.silence.start();
    this.socket = this.options.backend.openChat({
      onOpen: () => this.sendHello(),
      onFrame: frame => this.onFrame(frame),
      onClose: (code, reason) => this.onClose(code, reason),
    });
  }

  private sendHello(): void {
    const { resumeFrom, epoch, resumeTimestamp } = this.state();
    const newer = {
      heartbeats: true,
      userPages: true,
      unread: true,
      notifications: true,
      threads: true,
      ...(epoch === undefined ? {} : { epoch }),
      ...(resumeTimestamp === undefined ? {} : { timestamp: resumeTimestamp }),
    };
    this.socket?.send({
      ...{ type: "hello", token: this.options.token },
      ...(resumeFrom === undefined ? {} : { since: resumeFrom }),
      ...(this.isOlder ? {} : newer),
    });
  }

  private disconnect(): void {
    this.welcomed = false;
    this.latest.stop();
    this.recounts.stop();
    clearTimeout(this.ackTimer);
    this.stopWaiting();
    this.silence.stop();
    this.socket?.close();
    this.socket = undefined;
  }

  private onFrame(frame: ServerFrame): void {
    this.silence.heard();
    // Most heartbeats say nothing new, and the others would only wake the other tabs.
    if (frame.type === "heartbeat" && (frame.seq ?? 0) <= (this.state().resumeFrom ?? 0)) return;
    if (frame.type === "error") return this.onError(frame);
    if (frame.type === "reset") this.latest.restart();
    this.dispatch({ kind: "frame", frame, at: Date.now() });
    if (frame.type === "welcome") this.onWelcome(frame);
    if (frame.type === "welcome" || frame.type === "reset") this.loadMissing();
    if (!this.isOlder) this.recounts.onFrame(frame);
    this.sendNext();
  }

  /** What the connection does not bring: the latest messages, and what is unread in followed threads. */
  private loadMissing(): void {
    this.loadConversations();
    // Gateways of earlier releases don't follow threads.
    if (!this.isOlder) this.recounts.restart();
  }

  private onWelcome({ heartbeatSeconds, unread }: WelcomeFrame): void {
    this.welcomed = true;
    this.latest.restart();
    this.reportReads(unread?.rooms ?? []);
    // Gateways of earlier releases are silent as long as nothing happens.
    if (heartbeatSeconds === undefined) this.silence.stop();
    else this.silence.start(heartbeatSeconds * 1_000);
    this.reconnector.opened();
  }

  /** Report what the user has read meanwhile, or before the server stored it. */
  private reportReads(known: readonly RoomUnread[]): void {
    const ahead = known.flatMap(({ room, read = -1 }) => {
      const seq = readUpTo(this.state(), room) ?? -1;
      return seq > read ? [{ room, seq }] : [];
    });
    for (const { room, seq } of ahead.slice(0, REPORTS_MAX)) this.read(room, seq);
  }

  private onError(error: ErrorFrame): void {
    if (!this.welcomed && !this.isOlder && UNKNOWN_FIELDS.includes(error.field ?? "")) {
      // A gateway of an earlier release, during an upgrade.
      this.isOlder = true;
      return this.sendHello();
    }
    // Gateways of earlier releases don't say which message is invalid; only one is being sent.
    const clientId = error.clientId ?? (error.code === "invalid_request" && this.sending()?.clientId);
    this.dispatch({ kind: "frame", frame: clientId ? { ...error, clientId } : error, at: Date.now() });
    if (clientId) this.hasRefused = true;
    if (clientId && RETRYABLE.includes(error.code)) {
      this.stopWaiting();
      const delay = retryDelay(error.retryAfter, BUSY_RETRY_MS);
      this.busyTimer = setTimeout(() => {
        this.stopWaiting();
        this.flush();
      }, delay);
    }
    this.sendNext();
  }

  /** Send the next message if the last one is no longer being sent. */
  private sendNext(): void {
    if (this.sending()) return;
    clearTimeout(this.ackTimer);
    this.flush();
  }

  private stopWaiting(): void {
    clearTimeout(this.busyTimer);
    this.busyTimer = undefined;
  }

  /** The connection is dead, although nothing has closed it. */
  private onSilence(): void {
    this.disconnect();
    this.reconnector.lost();
  }

  /** Load the latest messages of the rooms that were opened; later ones arrive over the connection. */
  loadConversations = (): void => this.latest.load();

  private onClose(code: number, reason: string): void {
    const refused = FRAME_REFUSED.includes(code) && this.refuseSending();
    this.disconnect();
    const retry = RETRY_BY_CLOSE_CODE[code] ?? "now";
    const signOutReason = SIGN_OUT_REASONS[code];
    if (signOutReason) {
      this.reconnector.stop();
      this.options.onSignedOut(signOutReason);
    } else if (retry === "never" && !refused) this.reconnector.refused();
    else this.reconnector.lost(parseRetryHint(reason));
  }

  /** Set aside the message whose frame has closed the connection. Returns whether the next one can be sent. */
  private refuseSending(): boolean {
    const item = this.sending();
    if (item) {
      const frame = { type: "error", code: "invalid_request", message: "", clientId: item.clientId } as const;
      this.dispatch({ kind: "frame", frame, at: Date.now() });
    }
    return item !== undefined || this.hasRefused;
  }
}
