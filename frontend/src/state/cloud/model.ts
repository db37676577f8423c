import type {
  CloudEvent,
  Command,
  ErrorCode,
  EventType,
  FailureCode,
  Instance,
  InstanceList,
  NewInstance,
} from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";

/** The most lines in the Worklog; the oldest are dropped first. */
export const WORKLOG_MAX = 20_000;

/** The kind of a Worklog line: an event of the server, or an error response to a command of this user. */
export type WorklogKind = Exclude<EventType, "retained" | "working"> | "refused";

export interface WorklogLine {
  readonly key: string;
  readonly kind: WorklogKind;
  /** Absent for what happened outside the portal. */
  readonly command?: Command;
  readonly operationId?: string;
  readonly timestamp: string;
  readonly instanceId?: string;
  /** The server's name after the event; absent if it is unknown. */
  readonly name?: string;
  /** The server's name before the event, if it has got another one. */
  readonly formerName?: string;
  /** What the server was seen to be, if that happened outside the portal. */
  readonly state?: Instance["state"];
  /** What a failed creation asked for. */
  readonly creation?: NewInstance;
  readonly actor?: string;
  /** The error code if `kind` is `refused`. */
  readonly code?: ErrorCode | "unreachable";
  /** Why the command failed, if `kind` is `failed`. */
  readonly reasonCode?: FailureCode;
  /** The server's text, in English. */
  readonly detail?: string;
  readonly seq?: number;
  /** Set if the command was to cancel `command`. */
  readonly undo?: boolean;
}

/** The most failed creations that are kept. */
export const FAILED_CREATIONS_MAX = 20;
/** How many dismissals are kept, so that a reload doesn't show the failures again. */
export const DISMISSED_MAX = 200;

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
  /** The sequence number from which the Worklog is complete; earlier events are in the server's history. */
  readonly logFrom: number;
  /** The last command of an instance if it failed, by the instance's id; failed creations by the key of the line. */
  readonly failures: ReadonlyMap<string, WorklogLine>;
  /** The keys of lines whose failure the user has dismissed. */
  readonly dismissed: readonly string[];
  readonly connection: ConnectionState;
}

export const EMPTY_CLOUD: CloudState = {
  instances: new Map(),
  loaded: false,
  listSeq: 0,
  seq: 0,
  worklog: [],
  logFrom: 0,
  failures: new Map(),
  dismissed: [],
  connection: IDLE_CONNECTION,
};

/** An event that changes the cloud's state: from the server, or local. */
export type CloudStateEvent =
  | { readonly kind: "changes"; readonly events: readonly CloudEvent[] }
  | { readonly kind: "reset" }
  | { readonly kind: "list"; readonly list: InstanceList; readonly backfill: number }
  | { readonly kind: "refused"; readonly line: WorklogLine }
  | { readonly kind: "dismissed"; readonly keys: readonly string[] }
  | { readonly kind: "connection"; readonly connection: ConnectionState };
