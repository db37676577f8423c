import type {
  AckFrame,
  AddressSeen,
  CloudEvent,
  Command,
  ErrorFrame,
  HelloFrame,
  InstanceList,
  JoinedFrame,
  LeaveFrame,
  LeftFrame,
  Message,
  MessageFrame,
  MutedFrame,
  Operation,
  Registered,
  RemovedFrame,
  ResetFrame,
  Restriction,
  SendFrame,
  SessionView,
  Status,
  TypingFrame,
  TypingNotice,
  UnmutedFrame,
  User,
  WelcomeFrame,
} from "../contract/generated";

/** The code that browsers report if a socket ended without a close frame (RFC 6455, 7.4.1). */
export const ABNORMAL_CLOSURE = 1006;

export type ClientFrame = HelloFrame | SendFrame | TypingFrame | LeaveFrame;
export type ServerFrame =
  | WelcomeFrame
  | MessageFrame
  | RemovedFrame
  | MutedFrame
  | UnmutedFrame
  | JoinedFrame
  | LeftFrame
  | TypingNotice
  | AckFrame
  | ErrorFrame
  | ResetFrame;

/** What a chat connection tells; after `onClose` it tells nothing more. */
export interface ChatListener {
  onOpen(): void;
  onFrame(frame: ServerFrame): void;
  /** `reason`: the server's words, which may say when to come back. */
  onClose(code: number, reason: string): void;
}

export interface ChatSocket {
  send(frame: ClientFrame): void;
  close(): void;
}

/** What a stream of cloud events tells; after `onClose` it tells nothing more. */
export interface CloudListener {
  onOpen(): void;
  /** Events that arrived together, so that ten thousand of them don't cost ten thousand renderings. */
  onChanges(events: readonly CloudEvent[]): void;
  onReset(): void;
  /** `comeBackMs`: after how many milliseconds the server asks to be called again, where it says so. */
  onClose(retryAfterMs?: number): void;
}

export interface CloudStream {
  close(): void;
}

export interface HistoryQuery {
  readonly room: string;
  readonly before?: number;
  readonly limit: number;
}

/** One intention of a person: the same key however often it has to be sent. */
export interface CommandRequest {
  readonly command: Command;
  /** Absent for create. */
  readonly instanceId?: string;
  readonly key: string;
  readonly token?: string;
}

interface RestrictionDetails {
  readonly seconds?: number;
  readonly reason?: string;
}

/** What a moderator does. The reason is told to the one concerned; without `seconds` it lasts until lifted. */
export type Moderation =
  | { readonly kind: "remove"; readonly room: string; readonly id: string; readonly reason?: string }
  | ({ readonly kind: "mute"; readonly name: string } & RestrictionDetails)
  | ({ readonly kind: "ban" } & ({ readonly name: string } | { readonly address: string }) &
      RestrictionDetails)
  | { readonly kind: "lift"; readonly id: string };

/** Proves who asks; absent, anybody does. */
type Token = string | undefined;

/** Everything the page asks of a server; a real one over HTTP, or the simulated one. */
export interface Backend {
  /** Who the token proves, and what they may do. */
  session(token?: Token): Promise<SessionView>;
  /** Make a registration's token worth nothing, and its name free. */
  signOut(token: string): Promise<void>;
  /** Take a name; with a proof, the registration has the role of that proof. */
  register(name: string, proof?: Token): Promise<Registered>;
  users(token?: Token): Promise<readonly User[]>;
  history(query: HistoryQuery, token?: Token): Promise<readonly Message[]>;
  instances(token?: Token): Promise<InstanceList>;
  command(request: CommandRequest): Promise<Operation>;
  cancel(operationId: string, token?: Token): Promise<Operation>;
  /** What holds now of mutes and bans. */
  restrictions(token?: Token): Promise<readonly Restriction[]>;
  /** From where those who go by `name` are connected or lately were, the latest first; that it is asked is audited. */
  addresses(name: string, token?: Token): Promise<readonly AddressSeen[]>;
  moderate(asked: Moderation, token?: Token): Promise<void>;
  /** What runs, and how it does. */
  status(token?: Token): Promise<Status>;
  openChat(listener: ChatListener): ChatSocket;
  openCloud(since: number, listener: CloudListener, token?: Token): CloudStream;
}
