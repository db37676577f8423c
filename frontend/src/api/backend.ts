import type {
  AckFrame,
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
  Operation,
  Registered,
  ResetFrame,
  SendFrame,
  TypingFrame,
  TypingNotice,
  User,
  WelcomeFrame,
} from "../contract/generated";

export type ClientFrame = HelloFrame | SendFrame | TypingFrame | LeaveFrame;
export type ServerFrame =
  | WelcomeFrame
  | MessageFrame
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
  onClose(code: number): void;
}

export interface ChatConnection {
  send(frame: ClientFrame): void;
  close(): void;
}

/** What a stream of cloud events tells; after `onClose` it tells nothing more. */
export interface CloudListener {
  onOpen(): void;
  /** Events that arrived together, so that ten thousand of them don't cost ten thousand renderings. */
  onChanges(events: readonly CloudEvent[]): void;
  onReset(): void;
  onClose(): void;
}

export interface CloudConnection {
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

/** Everything the page asks of a server; a real one over HTTP, or the simulated one. */
export interface Backend {
  register(name: string): Promise<Registered>;
  users(): Promise<readonly User[]>;
  history(query: HistoryQuery): Promise<readonly Message[]>;
  instances(): Promise<InstanceList>;
  command(request: CommandRequest): Promise<Operation>;
  cancel(operationId: string, token?: string): Promise<Operation>;
  openChat(listener: ChatListener): ChatConnection;
  openCloud(since: number, listener: CloudListener): CloudConnection;
}
