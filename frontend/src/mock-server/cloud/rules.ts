import { ApiError } from "../../api/errors";
import {
  COMMANDS,
  type Command,
  type ErrorCode,
  type Instance,
  type LifecycleCommand,
  type ProviderView,
  SIMULATED,
} from "../../contract/generated";
import { settled } from "./facts";

/** The error that the server would answer. */
export const refuse = (code: ErrorCode, detail: string, field?: string): ApiError =>
  new ApiError({ code, detail, ...(field ? { field } : {}) });

/** Throws what the server would answer if the provider called `name` is away or unknown. */
export function requireConnected(name: string, provider: ProviderView | undefined): void {
  if (!provider?.connected) throw refuse("provider_away", `${name} is not connected.`);
}

/** Throws what the server would answer if a server can't be commanded now. */
export function requireValid(command: LifecycleCommand, instance: Instance, provider?: ProviderView): void {
  if (instance.pending) throw refuse("operation_pending", "Another operation is pending.");
  requireConnected(instance.provider, provider);
  if (instance.protected && command !== "start") throw refuse("protected", "The instance is protected.");
  const needs: readonly string[] = COMMANDS[command].needs;
  const isLost = instance.condition === "lost" && command !== "remove";
  if (isLost || !needs.includes(instance.state))
    throw refuse("transition_invalid", `The instance is ${instance.state}.`);
}

/** A server after its command has succeeded; undefined if it is gone. */
export function succeeded(command: Command, instance: Instance, at: Date): Instance | undefined {
  const { reason: _reason, reasonCode: _code, ...well } = { ...settled(instance), condition: "ok" as const };
  const timestamp = at.toISOString();
  if (command === "adopt") return { ...well, timestamp };
  const leaves = COMMANDS[command as LifecycleCommand].leaves;
  if (leaves === null) return undefined;
  const state = command === "create" && instance.pending?.start ? "running" : leaves;
  const hasAddress = state === "running" && instance.provider !== SIMULATED;
  const { address: _address, ...rest } = well;
  return { ...rest, state, timestamp, ...(hasAddress ? { address: "10.0.0.14:8080" } : {}) };
}
