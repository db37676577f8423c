import { useLayoutEffect, useRef } from "preact/hooks";
import {
  COMMANDS,
  type Command,
  type CommandSpec,
  type Instance,
  type InstanceState,
  type PendingOperation,
} from "../../contract/generated";
import { labelOf } from "../../i18n/label";
import { secondsUntil } from "../../text/format";
import { useApp } from "../app-context";
import { CopyButton } from "../copy-button";
import { dictionary } from "../settings/preferences";
import { useNow } from "../use-now";
import { FailureNotice } from "./failure-notice";
import { useMayCommand } from "./use-may-command";

interface InstanceCardProps {
  readonly instance: Instance;
  readonly onRemove: (id: string) => void;
}

/** The commands that are valid in `state`: those that change it, those that keep it, and those that remove the instance. */
function commandsFor(state: InstanceState): { readonly command: Command; readonly removes: boolean }[] {
  const rank = ({ leaves }: CommandSpec) => (leaves === null ? 2 : leaves === state ? 1 : 0);
  const specs = Object.entries(COMMANDS) as [Command, CommandSpec][];
  return specs
    .filter(([, { needs }]) => needs.includes(state))
    .sort(([, a], [, b]) => rank(a) - rank(b))
    .map(([command, { leaves }]) => ({ command, removes: leaves === null }));
}

/** The second click of a double click is ignored. */
const isRepeat = (event: MouseEvent): boolean => event.detail > 1;

function Pending({ instance, pending }: { readonly instance: Instance; readonly pending: PendingOperation }) {
  const { store } = useApp();
  const { commandSender } = store;
  const now = useNow(true) + store.clockOffset.value;
  const t = dictionary.value.cloud;
  const seconds = secondsUntil(Date.parse(pending.dueAt), now);
  const [from, to] = [Date.parse(pending.acceptedAt), Date.parse(pending.dueAt)];
  const done = Math.min(1, Math.max(0, (now - from) / Math.max(1, to - from)));
  return (
    <div class="pending">
      <span class="pending-bar" style={{ "--done": done }} aria-hidden="true" />
      <span class="spinner" aria-hidden="true" />
      <span class="pending-words">
        <strong>{labelOf(t.pending, pending.command)}</strong>{" "}
        <span class="pending-due">{t.due(seconds)}</span>{" "}
        <span class="pending-actor">
          · <bdi>{t.by(pending.actor)}</bdi>
        </span>
      </span>
      {useMayCommand() && (
        // The server knows whether it is too late; this device's clock may be wrong.
        <button
          type="button"
          class="button small"
          disabled={commandSender.busy.value.has(instance.id)}
          aria-label={t.undoOf(pending.command, instance.id)}
          onClick={event => {
            if (!isRepeat(event)) void commandSender.undo(instance.id, pending.id, pending.command);
          }}
        >
          {t.undo}
        </button>
      )}
    </div>
  );
}

function Actions({ instance, onRemove }: InstanceCardProps) {
  const { commandSender } = useApp().store;
  const t = dictionary.value.cloud;
  const { id, state } = instance;
  const disabled = instance.pending !== undefined || commandSender.busy.value.has(id);
  // `aria-disabled` instead of `disabled`, to keep the focus.
  return (
    <div class="instance-actions">
      {commandsFor(state).map(({ command, removes }) => (
        <button
          key={command}
          type="button"
          class={removes ? "button small quiet danger" : "button small quiet"}
          aria-disabled={disabled}
          aria-label={t.action(command, id)}
          onClick={event => {
            if (disabled) return;
            if (removes) onRemove(id);
            else if (!isRepeat(event)) void commandSender.run(command, id);
          }}
        >
          <span class={`icon icon-${command}`} aria-hidden="true" />
          {t.commands[command]}
        </button>
      ))}
    </div>
  );
}

export function InstanceCard({ instance, onRemove }: InstanceCardProps) {
  const { cloud, commandSender } = useApp().store;
  const failure = cloud.value.failures.get(instance.id);
  const t = dictionary.value.cloud;
  const { id, state, pending } = instance;
  const retry = (command: Command) => {
    if (COMMANDS[command].leaves === null) onRemove(id);
    else void commandSender.run(command, id);
  };
  const card = useRef<HTMLElement>(null);
  const hadFocus = card.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    // The focused button was replaced: move the focus to the card, where no key triggers a command.
    if (hadFocus && !card.current?.contains(document.activeElement)) card.current?.focus();
  });
  return (
    <article ref={card} class="instance" aria-label={id} tabIndex={-1}>
      <CopyButton class="instance-id" text={() => id} label={t.copy(id)}>
        <code>{id}</code>
      </CopyButton>
      <p class="instance-status">
        <span class="label">{t.status}:</span>
        <span class="dot" data-state={state} aria-hidden="true" />
        {labelOf(t.states, state)}
      </p>
      {/* Not in the place of the commands, which a click that was meant for "Undo" would hit. */}
      {pending && <Pending instance={instance} pending={pending} />}
      {useMayCommand() && <Actions instance={instance} onRemove={onRemove} />}
      {failure && (
        <FailureNotice
          line={failure}
          retry={
            failure.undo || pending || !commandsFor(state).some(one => one.command === failure.command)
              ? undefined
              : () => retry(failure.command)
          }
        />
      )}
    </article>
  );
}
