import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Approval, Instance, PendingOperation } from "../../../contract/generated";
import { labelOf } from "../../../i18n/label";
import { secondsUntil } from "../../../text/format";
import { useApp } from "../../app-context";
import { dictionary } from "../../settings/preferences";
import { useNow } from "../../use-now";
import { useMayCommand } from "../use-may-command";
import { isRepeat } from "./repeated-click";
import { serversDictionary } from "./servers-dictionary";

export type Decide = (decision: "approve" | "deny", operationId: string) => void;

/** How a decision is made if not by the API of servers: a card of the chat says it as a command in its thread. */
export const DecideContext = createContext<Decide | undefined>(undefined);

interface DecisionProps {
  readonly instance: Instance;
  readonly pending: PendingOperation;
}

/** The buttons of a command that awaits approval. Its author can only undo it; the server knows the roles. */
export function Decision({ instance, pending }: DecisionProps) {
  const { commandSender, chat } = useApp().store;
  const t = dictionary.value.cloud;
  const words = serversDictionary.value.approval;
  const decide = useContext(DecideContext);
  const { id, command, actor } = pending;
  const disabled = commandSender.busy.value.has(instance.id);
  if (!useMayCommand()) return null;
  if (chat.value.me?.name === actor)
    return (
      <button
        type="button"
        class="button tiny"
        disabled={disabled}
        aria-label={t.undoOf(command, instance.name)}
        onClick={event => {
          if (!isRepeat(event)) void commandSender.undo(instance.id, id, command);
        }}
      >
        {t.undo}
      </button>
    );
  const button = (decision: "approve" | "deny", label: string) => (
    <button
      type="button"
      class="button tiny"
      disabled={disabled}
      aria-label={label}
      onClick={event => {
        if (isRepeat(event)) return;
        if (decide) decide(decision, id);
        else void commandSender.decide(instance.id, id, command, decision);
      }}
    >
      {words[decision]}
    </button>
  );
  return (
    <>
      {button("approve", words.approveOf(command, instance.name))}
      {button("deny", words.denyOf(command, instance.name))}
    </>
  );
}

/** How long a command still awaits approval, and how many have approved it. */
export function useApprovalText(
  { command, dueAt }: PendingOperation,
  { need, approvedBy }: Approval,
): string {
  const now = useNow(true) + useApp().store.clockOffset.value;
  const { approval: words, minutes, hours } = serversDictionary.value;
  const seconds = secondsUntil(Date.parse(dueAt), now);
  const left =
    seconds < 120
      ? words.seconds(seconds)
      : seconds < 7200
        ? minutes(Math.floor(seconds / 60))
        : hours(Math.floor(seconds / 3600));
  const text = words.waits(labelOf(dictionary.value.cloud.commands, command), left);
  return need > 1 ? `${text}; ${words.votes(approvedBy.length, need)}` : text;
}

interface AwaitingApprovalProps extends DecisionProps {
  readonly approval: Approval;
}

/** A server whose command awaits approval. */
export function AwaitingApproval({ instance, pending, approval }: AwaitingApprovalProps) {
  const text = useApprovalText(pending, approval);
  return (
    <>
      <span class="dot" data-state="unknown" aria-hidden="true" />
      <span class="state-text pending">
        {text}
        <span class="pending-actor">
          {" "}
          · <bdi>{dictionary.value.cloud.by(pending.actor)}</bdi>
        </span>
      </span>
      <Decision instance={instance} pending={pending} />
    </>
  );
}
