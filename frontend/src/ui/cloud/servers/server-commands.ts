import {
  COMMANDS,
  type CommandSpec,
  type Instance,
  type LifecycleCommand,
} from "../../../contract/generated";
import type { ServerStatus } from "../../../state/cloud/server-status";

const specs = Object.entries(COMMANDS) as [LifecycleCommand, CommandSpec][];

/** Whether a command removes the server. */
export const removes = (command: LifecycleCommand): boolean => COMMANDS[command].leaves === null;

/**
 * The commands that are valid for a server, those first that change its state, and last the one that removes it. Of a
 * lost server, nothing is left to command: it can only be removed from the list.
 */
export function commandsFor({ state, condition }: Instance): readonly LifecycleCommand[] {
  const rank = ({ leaves }: CommandSpec) => (leaves === null ? 2 : leaves === state ? 1 : 0);
  return specs
    .filter(([command, { needs }]) => needs.includes(state) && (condition !== "lost" || removes(command)))
    .sort(([, a], [, b]) => rank(a) - rank(b))
    .map(([command]) => command);
}

/** Whether the server can be commanded now: nothing is in progress, and its provider is there. */
export const isReady = ({ kind }: ServerStatus, isBusy: boolean): boolean =>
  !isBusy && kind !== "pending" && kind !== "away";
