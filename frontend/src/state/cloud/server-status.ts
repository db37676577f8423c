import type {
  Command,
  FailureCode,
  Instance,
  PendingOperation,
  ProviderView,
} from "../../contract/generated";
import type { CloudState, WorklogLine } from "./model";

/** Why a server's last command failed, or why the server itself did. */
export interface Failure {
  /** What dismisses it. */
  readonly keys: readonly string[];
  readonly line?: WorklogLine;
  readonly command?: Command;
  readonly reasonCode?: FailureCode;
  readonly reason: string;
}

/** What a row shows of a server: the first that applies. */
export type ServerStatus =
  | { readonly kind: "pending"; readonly pending: PendingOperation }
  /** The server's provider isn't connected, so its state is what it was when it was last seen. */
  | { readonly kind: "away"; readonly seenAt: string | undefined }
  | { readonly kind: "lost" | "unknown"; readonly reason: string; readonly reasonCode?: FailureCode }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "running" | "stopped" };

/** The providers by name; undefined as long as they are unknown. */
export type Providers = ReadonlyMap<string, ProviderView> | undefined;

/** The key under which a server's failure is dismissed; another state or reason has another key. */
const conditionKey = ({ id, timestamp, reason = "" }: Instance): string => `c${id} ${timestamp} ${reason}`;

/** The failure to show at a server, until it is dismissed or another command follows. */
export function failureOf(
  { failures, dismissed }: Pick<CloudState, "failures" | "dismissed">,
  instance: Instance,
): Failure | undefined {
  const line = failures.get(instance.id);
  const hasFailed = instance.condition === "failed";
  const key = conditionKey(instance);
  if (line) {
    const { reasonCode, command } = line;
    return {
      ...{ keys: hasFailed ? [line.key, key] : [line.key], line, reason: line.detail ?? "" },
      ...(command ? { command } : {}),
      ...(reasonCode ? { reasonCode } : {}),
    };
  }
  if (!hasFailed || dismissed.includes(key)) return undefined;
  const { reason = "", reasonCode } = instance;
  return { keys: [key], reason, ...(reasonCode ? { reasonCode } : {}) };
}

const isAway = ({ provider }: Instance, providers: Providers): boolean =>
  providers !== undefined && provider !== undefined && providers.get(provider)?.connected !== true;

export function statusOf(
  state: Pick<CloudState, "failures" | "dismissed">,
  instance: Instance,
  providers: Providers,
): ServerStatus {
  const { pending, condition, reason = "", reasonCode } = instance;
  const why = { reason, ...(reasonCode ? { reasonCode } : {}) };
  if (pending) return { kind: "pending", pending };
  if (condition === "lost") return { kind: "lost", ...why };
  if (isAway(instance, providers)) return { kind: "away", seenAt: providers?.get(instance.provider)?.seenAt };
  const failure = failureOf(state, instance);
  if (failure) return { kind: "failed", failure };
  if (condition === "unknown") return { kind: "unknown", ...why };
  return { kind: instance.state };
}
