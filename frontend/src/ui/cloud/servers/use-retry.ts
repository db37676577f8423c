import { COMMANDS, type Command, type Instance, type LifecycleCommand } from "../../../contract/generated";
import type { Failure } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { useMayCommand } from "../use-may-command";
import { commandsFor, removes } from "./server-commands";

const isLifecycle = (command: Command): command is LifecycleCommand => command in COMMANDS;

/** What gives a failed command again; undefined if that makes no sense. */
export function useRetry(instance: Instance, failure: Failure): (() => void) | undefined {
  const { store } = useApp();
  const dialogs = useServerDialogs();
  const mayCommand = useMayCommand();
  const { command, line } = failure;
  if (!mayCommand || !command || line?.undo || !isLifecycle(command)) return undefined;
  if (!commandsFor(instance).includes(command)) return undefined;
  return () => {
    if (removes(command)) return dialogs.open({ kind: "remove", ids: [instance.id] });
    store.dismissFailures(...failure.keys);
    void store.commandSender.run(command, instance.id);
  };
}
