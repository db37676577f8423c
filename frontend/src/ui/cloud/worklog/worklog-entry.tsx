import type { Approval, Command, Instance, PendingOperation } from "../../../contract/generated";
import { isolated } from "../../../i18n/isolate";
import { labelOf } from "../../../i18n/label";
import { formatExactClock, secondsUntil } from "../../../text/format";
import { isError } from "../../../text/worklog";
import { commandLine, serverOf, type WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { useNow } from "../../use-now";
import { Decision, useApprovalText } from "../servers/awaiting-approval";
import { isRepeat } from "../servers/repeated-click";
import { serversDictionary } from "../servers/servers-dictionary";
import { useMayCommand } from "../use-may-command";

interface EntryProps {
  readonly entry: WorklogEntry;
  /** Whether to name the server: not in its own history. */
  readonly hasServer: boolean;
}

interface WaitingProps {
  readonly instance: Instance;
  readonly pending: PendingOperation;
  readonly approval: Approval;
}

/** How long a command took, in seconds: from its reception to its outcome. */
function secondsOf({ received, outcome }: WorklogEntry): number | undefined {
  if (!received || !outcome) return undefined;
  const seconds = (Date.parse(outcome.timestamp) - Date.parse(received.timestamp)) / 1000;
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

/** The outcome of a command that awaits approval. */
function WaitingOutcome({ instance, pending, approval }: WaitingProps) {
  return (
    <>
      {useApprovalText(pending, approval)} <Decision instance={instance} pending={pending} />
    </>
  );
}

/** The outcome of a command that is still pending: when it is due, or how far it is. */
function PendingOutcome({
  entry,
  instanceId,
}: {
  readonly entry: WorklogEntry;
  readonly instanceId: string;
}) {
  const { cloud, clockOffset, commandSender } = useApp().store;
  const mayCommand = useMayCommand();
  const words = serversDictionary.value;
  const t = dictionary.value.cloud;
  const instance = cloud.value.instances.get(instanceId);
  const pending = instance?.pending?.id === entry.received?.operationId ? instance?.pending : undefined;
  const now = useNow(pending !== undefined) + clockOffset.value;
  if (!instance || !pending) return <>{words.log.received}</>;
  const { progress, command, id, approval } = pending;
  if (approval) return <WaitingOutcome instance={instance} pending={pending} approval={approval} />;
  if (progress)
    return (
      <>
        {words.status.working(labelOf(t.pending, command), progress.percent)} <bdi>{progress.text}</bdi>
      </>
    );
  return (
    <>
      {t.due(secondsUntil(Date.parse(pending.dueAt), now))}
      {mayCommand && (
        <>
          {" · "}
          <button
            type="button"
            class="link-button"
            disabled={commandSender.busy.value.has(instanceId)}
            aria-label={t.undoOf(command, instance.name)}
            onClick={event => {
              if (!isRepeat(event)) void commandSender.undo(instanceId, id, command);
            }}
          >
            {t.undo}
          </button>
        </>
      )}
    </>
  );
}

/** What came of an operation, or when it is due. */
export function Outcome({ entry }: { readonly entry: WorklogEntry }) {
  const { outcome, received } = entry;
  const t = dictionary.value;
  const words = serversDictionary.value.log;
  if (!outcome) return <PendingOutcome entry={entry} instanceId={received?.instanceId ?? ""} />;
  const { kind, detail = "", reasonCode, code, actor = "" } = outcome;
  const seconds = secondsOf(entry);
  const took = seconds === undefined ? undefined : words.seconds(seconds);
  if (kind === "cancelled") {
    const who = t.cloud.by(actor);
    return <Sentence text={took ? words.undone(who, took) : words.undoneBy(who)} />;
  }
  if (kind === "denied") {
    const { deniedBy, deniedBecause } = serversDictionary.value.approval;
    return <Sentence text={detail ? deniedBecause(actor, detail) : deniedBy(actor)} />;
  }
  if (kind === "failed") return <Sentence text={words.failed(t.failure(reasonCode, detail))} />;
  if (kind === "refused") return <Sentence text={words.rejected(code ? t.error(code) : detail)} />;
  const why =
    detail || reasonCode
      ? t.failure(reasonCode, detail)
      : outcome.state
        ? labelOf(t.cloud.states, outcome.state)
        : "";
  return (
    <>
      {labelOf(t.worklog.kinds, kind)}
      {outcome.formerName && (
        <>
          {" "}
          <Sentence text={words.renamedFrom(outcome.formerName)} />
        </>
      )}
      {why && (
        <>
          {": "}
          <Sentence text={why} />
        </>
      )}
    </>
  );
}

const SYMBOLS: Readonly<Record<string, string>> = {
  ...{ cancelled: "↶", failed: "✕", refused: "✕", lost: "✕", denied: "✕", expired: "✕" },
};

/** Who approved the command; nothing if it needed no approval. */
function Approvers({ lines }: Pick<WorklogEntry, "lines">) {
  const { approvedBy, alone } = serversDictionary.value.approval;
  const votes = lines.filter(line => line.kind === "approved");
  if (votes.length === 0) return null;
  const last = votes.at(-1);
  const names = votes.map(line => isolated(line.actor ?? "")).join(", ");
  const text = last?.detail ? alone(last.actor ?? "", last.detail) : approvedBy(names);
  return (
    <>
      {" · "}
      <Sentence text={text} />
    </>
  );
}

/** One operation, from its reception to its outcome, with both times and who gave the command. */
export function Entry({ entry, hasServer }: EntryProps) {
  const { cloud } = useApp().store;
  const words = serversDictionary.value;
  const t = dictionary.value;
  const { outcome, at } = entry;
  const line = commandLine(entry);
  const name = serverOf(entry);
  const { command, actor, instanceId } = line ?? {};
  const isThere = instanceId !== undefined && cloud.value.instances.has(instanceId);
  const who = command === undefined ? words.outside : actor ? t.cloud.by(actor) : "";
  const hasFailed = outcome !== undefined && (isError(outcome) || outcome.kind === "lost");
  const seconds = secondsOf(entry);
  return (
    <article class="log-entry" data-kind={outcome?.kind ?? "pending"} data-failed={hasFailed}>
      <Time at={at} format={formatExactClock} />
      <p class="log-entry-head">
        {hasServer &&
          name !== undefined &&
          (isThere ? (
            <a class="log-entry-server" href={hrefs.server(instanceId)} title={instanceId}>
              {cloud.value.instances.get(instanceId)?.name ?? name}
            </a>
          ) : (
            <strong class="log-entry-server" title={instanceId}>
              {name}
            </strong>
          ))}{" "}
        {command && labelOf<Command>(words.log.nouns, command)}
        {who && (
          <>
            {" "}
            · <bdi>{who}</bdi>
          </>
        )}
        <Approvers lines={entry.lines} />
      </p>
      <p class="log-entry-outcome">
        {outcome && (
          <span class="log-entry-symbol" aria-hidden="true">
            {SYMBOLS[outcome.kind] ?? "✓"}
          </span>
        )}
        <Outcome entry={entry} />
        {outcome && entry.received && (
          <span class="log-entry-times">
            {" "}
            <Time at={outcome.timestamp} format={formatExactClock} />
            {seconds !== undefined && outcome.kind !== "cancelled" && ` · ${words.log.seconds(seconds)}`}
          </span>
        )}
      </p>
    </article>
  );
}
