import type {
  AddressSeen,
  AuditPage,
  ClientFrame,
  CloudEvent,
  CloudHistory,
  Command,
  EventType,
  InstanceList,
  Operation,
  Registered,
  Restriction,
  ServerFrame,
  SessionView,
  Status,
  User,
} from "../contract/generated";
import type { HistoryPage } from "../state/chat/model";

/** The code that browsers report if a socket ended without a close frame (RFC 6455, 7.4.1). */
export const ABNORMAL_CLOSURE = 1006;

/** The callbacks of a chat socket; nothing is called after `onClose`. */
export interface ChatListener {
  onOpen(): void;
  onFrame(frame: ServerFrame): void;
  /** `reason` may contain a retry hint: see `parseRetryHint`. */
  onClose(code: number, reason: string): void;
}

export interface ChatSocket {
  send(frame: ClientFrame): void;
  close(): void;
}

/** The callbacks of a cloud event stream; nothing is called after `onClose`. */
export interface CloudListener {
  onOpen(): void;
  /** Events that arrived together are passed together: ten thousand events must not cost ten thousand renderings. */
  onChanges(events: readonly CloudEvent[]): void;
  onReset(): void;
  /** Something has arrived: events or a heartbeat. */
  onAlive(): void;
  /** `retryAfterMs`: the reconnection time that the server asked for, if any. */
  onClose(retryAfterMs?: number): void;
}

/** Where to resume: after the event at `seq`. The rest lets the server notice that it is another event now. */
export interface CloudPosition {
  readonly seq: number;
  readonly epoch?: string | undefined;
  readonly timestamp?: string | undefined;
}

export interface CloudStream {
  close(): void;
}

/** Which past events of servers to read: those before a sequence number, latest first. */
export interface CloudHistoryQuery {
  readonly before?: number;
  readonly limit: number;
  readonly instance?: string;
  readonly type?: EventType;
  /** The name of who gave the commands, as it was shown. */
  readonly actor?: string;
  /** The first and the last moment, inclusive. */
  readonly from?: string;
  readonly to?: string;
}

/** Which entries of the audit log to read: those before a sequence number, latest first. */
export interface AuditQuery {
  readonly before?: number;
  readonly limit: number;
}

export interface HistoryQuery {
  readonly room: string;
  readonly before?: number;
  readonly limit: number;
}

/** One command of the user. All retries use the same idempotency key. */
export interface CommandRequest {
  readonly command: Command;
  /** Absent if the command is `create`. */
  readonly instanceId?: string;
  readonly key: string;
  readonly token?: string;
}

interface RestrictionDetails {
  readonly seconds?: number;
  readonly reason?: string;
}

/** An action of a moderator. The user sees the reason; without `seconds` a restriction lasts until it is lifted. */
export type Moderation =
  | { readonly kind: "remove"; readonly room: string; readonly id: string; readonly reason?: string }
  | ({ readonly kind: "mute"; readonly name: string } & RestrictionDetails)
  | ({ readonly kind: "ban" } & ({ readonly name: string } | { readonly address: string }) &
      RestrictionDetails)
  | { readonly kind: "lift"; readonly id: string };

/** Authenticates a request; without it, the request is anonymous. */
type Token = string | undefined;

/** The server's API as the page uses it, implemented over HTTP and by the mock server. */
export interface Backend {
  /** The user whom the token belongs to, and their permissions. */
  session(token?: Token): Promise<SessionView>;
  /** Revoke a registration's token and release its name. */
  signOut(token: string): Promise<void>;
  /** Register a name; with a proof (a static token or an ID token), the registration gets the role of the proof. */
  register(name: string, proof?: Token): Promise<Registered>;
  users(token?: Token): Promise<readonly User[]>;
  history(query: HistoryQuery, token?: Token): Promise<HistoryPage>;
  instances(token?: Token): Promise<InstanceList>;
  cloudHistory(query: CloudHistoryQuery, token?: Token): Promise<CloudHistory>;
  command(request: CommandRequest): Promise<Operation>;
  cancel(operationId: string, token?: Token): Promise<Operation>;
  /** The mutes and bans that are in force. */
  restrictions(token?: Token): Promise<readonly Restriction[]>;
  /** The addresses from which users called `name` are or recently were connected, latest first. Calls are audited. */
  addresses(name: string, token?: Token): Promise<readonly AddressSeen[]>;
  moderate(action: Moderation, token?: Token): Promise<void>;
  /** A page of the audit log, in ascending order. */
  audit(query: AuditQuery, token?: Token): Promise<AuditPage>;
  /** The status of all services and streams. */
  status(token?: Token): Promise<Status>;
  openChat(listener: ChatListener): ChatSocket;
  openCloud(position: CloudPosition, listener: CloudListener, token?: Token): CloudStream;
}
