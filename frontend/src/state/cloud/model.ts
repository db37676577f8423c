import type {
  CloudEvent,
  Command,
  ErrorCode,
  EventType,
  FailureCode,
  Instance,
  InstanceList,
} from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";

/** The most lines in the Worklog; the oldest are dropped first. */
export const WORKLOG_MAX = 20_000;

/** The kind of a Worklog line: an event of the server, or an error response to a command of this user. */
export type WorklogKind = Exclude<EventType, "retained"> | "refused";

export interface WorklogLine {
  readonly key: string;
  readonly kind: WorklogKind;
  readonly command: Command;
  readonly timestamp: string;
  readonly instanceId?: string;
  readonly actor?: string;
  /** The error code if `kind` is `refused`. */
  readonly code?: ErrorCode | "unreachable";
  /** Why the command failed, if `kind` is `failed`. */
  readonly reasonCode?: FailureCode;
  /** The server's text, in English. */
  readonly detail?: string;
  readonly seq?: number;
}

export interface CloudState {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Whether a list is loaded. */
  readonly loaded: boolean;
  /** The sequence number of that list, which includes all events up to it. */
  readonly listSeq: number;
  /** The last sequence number of the stream: where to resume. */
  readonly seq: number;
  /** The timestamp of the event at `seq`, if it is known. */
  readonly timestamp?: string | undefined;
  /** The epoch of the sequence numbers; older servers have none. */
  readonly epoch?: string | undefined;
  readonly worklog: readonly WorklogLine[];
  readonly connection: ConnectionState;
}

export const EMPTY_CLOUD: CloudState = {
  instances: new Map(),
  loaded: false,
  listSeq: 0,
  seq: 0,
  worklog: [],
  connection: IDLE_CONNECTION,
};

/** An event that changes the cloud's state: from the server, or local. */
export type CloudStateEvent =
  | { readonly kind: "changes"; readonly events: readonly CloudEvent[] }
  | { readonly kind: "reset" }
  | { readonly kind: "list"; readonly list: InstanceList; readonly backfill: number }
  | { readonly kind: "refused"; readonly line: WorklogLine }
  | { readonly kind: "connection"; readonly connection: ConnectionState };
