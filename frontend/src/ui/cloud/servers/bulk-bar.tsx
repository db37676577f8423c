import type { BatchCommand } from "../../../contract/generated";
import { useApp } from "../../app-context";
import { dictionary } from "../../settings/preferences";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { isRepeat } from "./repeated-click";
import { useServerActions } from "./server-actions";
import { commandsFor, isReady, removes } from "./server-commands";
import type { Server } from "./server-order";
import { serversDictionary } from "./servers-dictionary";

const COMMANDS: readonly BatchCommand["command"][] = ["start", "stop", "restart", "remove"];

interface BulkBarProps {
  /** The selected servers. */
  readonly servers: readonly Server[];
  readonly onClear: () => void;
}

/** Commands for the selected servers: each goes to those for which it is valid. */
export function BulkBar({ servers, onClear }: BulkBarProps) {
  const { commandSender } = useApp().store;
  const actions = useServerActions();
  const dialogs = useServerDialogs();
  const t = serversDictionary.value;
  const { busy } = commandSender;
  const pending = servers.flatMap(({ instance }) => {
    const { pending } = instance;
    return pending && !pending.progress ? [{ ...pending, instanceId: instance.id }] : [];
  });
  const idsFor = (command: BatchCommand["command"]) =>
    servers
      .filter(
        ({ instance, status }) =>
          isReady(status, busy.value.has(instance.id)) && commandsFor(instance).includes(command),
      )
      .map(({ instance }) => instance.id);
  return (
    <div class="bulk" role="toolbar" aria-label={t.bulkActions}>
      <strong class="bulk-count" role="status">
        {t.selected(servers.length)}
      </strong>
      {COMMANDS.map(command => {
        const ids = idsFor(command);
        return (
          <button
            key={command}
            type="button"
            class={removes(command) ? "button small danger" : "button small"}
            aria-disabled={ids.length === 0}
            onClick={event => {
              if (ids.length === 0 || isRepeat(event)) return;
              if (removes(command)) dialogs.open({ kind: "remove", ids });
              else void actions.runMany(command, ids);
            }}
          >
            {t.commandAll(command)}
            {removes(command) && "…"}
          </button>
        );
      })}
      {pending.length > 0 && (
        <button
          type="button"
          class="button small"
          onClick={() => {
            for (const { id, instanceId, command } of pending)
              void commandSender.undo(instanceId, id, command);
          }}
        >
          {dictionary.value.cloud.undo}
        </button>
      )}
      <button type="button" class="link-button" onClick={onClear}>
        {t.clearSelection}
      </button>
    </div>
  );
}
