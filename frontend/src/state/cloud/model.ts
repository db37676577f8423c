import type {
  CloudEvent,
  Command,
  ErrorCode,
  EventType,
  Instance,
  InstanceList,
} from "../../contract/generated";
import { type ConnectionState, IDLE_CONNECTION } from "../connection";

/** How many lines the Worklog holds; the oldest go first. */
export const WORKLOG_MAX = 20_000;

/** What a Worklog line tells: an event of the server, or a refusal that only the asker was told. */
export type WorklogKind = Exclude<EventType, "retained"> | "refused";

export interface WorklogLine {
  readonly key: string;
  readonly kind: WorklogKind;
  readonly command: Command;
  readonly timestamp: string;
  readonly instanceId?: string;
  readonly actor?: string;
  /** Of a refusal: its code, or that nobody answered. */
  readonly code?: ErrorCode | "unreachable";
  /** In the server's words. */
  readonly detail?: string;
  readonly seq?: number;
}

export interface CloudState {
  readonly instances: ReadonlyMap<string, Instance>;
  /** Whether a list has come. */
  readonly loaded: boolean;
  /** The sequence of that list: events up to it are in it already. */
  readonly listSeq: number;
  /** The last sequence seen on the stream: where to resume from. */
  readonly seq: number;
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

/** What happens to the cloud's state: something the server said, or something on this side of the wire. */
export type CloudStateEvent =
  | { readonly kind: "changes"; readonly events: readonly CloudEvent[] }
  | { readonly kind: "reset" }
  | { readonly kind: "list"; readonly list: InstanceList; readonly backfill: number }
  | { readonly kind: "refused"; readonly line: WorklogLine }
  | { readonly kind: "connection"; readonly connection: ConnectionState };
