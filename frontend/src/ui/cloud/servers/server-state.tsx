import type { ComponentChildren } from "preact";
import type { Instance, PendingOperation } from "../../../contract/generated";
import { labelOf } from "../../../i18n/label";
import type { Failure, ServerStatus } from "../../../state/cloud/server-status";
import { secondsUntil } from "../../../text/format";
import { useApp } from "../../app-context";
import { Sentence } from "../../sentence";
import { dictionary } from "../../settings/preferences";
import { useNow } from "../../use-now";
import { useMayCommand } from "../use-may-command";
import { AwaitingApproval } from "./awaiting-approval";
import { isRepeat } from "./repeated-click";
import { formatAge } from "./server-format";
import { serversDictionary } from "./servers-dictionary";
import { useRetry } from "./use-retry";

function Pending({ instance, pending }: { readonly instance: Instance; readonly pending: PendingOperation }) {
  const { store } = useApp();
  const { commandSender } = store;
  const now = useNow(true) + store.clockOffset.value;
  const t = dictionary.value.cloud;
  const { status } = serversDictionary.value;
  const { progress, command, actor } = pending;
  const [from, to] = [Date.parse(pending.acceptedAt), Date.parse(pending.dueAt)];
  const waited = Math.min(1, Math.max(0, (now - from) / Math.max(1, to - from)));
  const done = progress ? (progress.percent ?? 0) / 100 : waited;
  const what = labelOf(t.pending, command);
  const mayUndo = useMayCommand() && !progress;
  return (
    <>
      <span class="pending-bar" style={{ "--done": done }} aria-hidden="true" />
      <span class="spinner" aria-hidden="true" />
      <span class="state-text pending" title={progress?.text}>
        <strong>{progress ? status.working(what, progress.percent) : what}</strong>{" "}
        {!progress && <span class="pending-due">{t.due(secondsUntil(to, now))}</span>}
        {progress?.text && <bdi class="state-reason">{progress.text}</bdi>}
        <span class="pending-actor">
          {" "}
          · <bdi>{t.by(actor)}</bdi>
        </span>
      </span>
      {mayUndo && (
        // The server knows whether it is too late; this device's clock may be wrong.
        <button
          type="button"
          class="button tiny"
          disabled={commandSender.busy.value.has(instance.id)}
          aria-label={t.undoOf(command, instance.name)}
          onClick={event => {
            if (!isRepeat(event)) void commandSender.undo(instance.id, pending.id, command);
          }}
        >
          {t.undo}
        </button>
      )}
    </>
  );
}

/** Why the last command failed, in one line; the title has all of it. */
function FailureText({ failure }: { readonly failure: Failure }) {
  const { command, line, reason, reasonCode } = failure;
  const t = dictionary.value;
  const { status } = serversDictionary.value;
  const isRefused = line?.kind === "refused";
  const why = isRefused && line.code ? t.error(line.code) : t.failure(reasonCode, reason);
  const text = isRefused ? status.rejected(command, why) : status.failed(command, why);
  return <Sentence text={text} />;
}

interface PlainStateProps {
  readonly dot: "running" | "stopped" | "problem" | "unknown";
  readonly children: ComponentChildren;
}

const PlainState = ({ dot, children }: PlainStateProps) => (
  <>
    <span class="dot" data-state={dot} aria-hidden="true" />
    <span class="state-text">{children}</span>
  </>
);

function Failed({ instance, failure }: { readonly instance: Instance; readonly failure: Failure }) {
  const { store } = useApp();
  const t = dictionary.value;
  const words = serversDictionary.value;
  const retry = useRetry(instance, failure);
  const dismiss = () => store.dismissFailures(...failure.keys);
  return (
    <>
      <PlainState dot="problem">
        <span class="problem">
          <FailureText failure={failure} />
        </span>
      </PlainState>
      {retry && (
        <button
          type="button"
          class="button tiny"
          aria-label={words.retryOf(instance.name)}
          onClick={event => {
            if (!isRepeat(event)) retry();
          }}
        >
          {t.chat.retry}
        </button>
      )}
      <button
        type="button"
        class="icon-button"
        aria-label={words.dismissOf(instance.name)}
        title={t.cloud.dismiss}
        onClick={dismiss}
      >
        <span class="icon icon-close" aria-hidden="true" />
      </button>
    </>
  );
}

interface ServerStateProps {
  readonly instance: Instance;
  readonly status: ServerStatus;
  readonly now: number;
}

/** What a server is doing, or why it isn't doing what it should. */
export function ServerState({ instance, status, now }: ServerStateProps) {
  const t = dictionary.value;
  const words = serversDictionary.value;
  const s = words.status;
  const reasonOr = (otherwise: string) =>
    status.kind === "lost" || status.kind === "unknown"
      ? status.reason || status.reasonCode
        ? t.failure(status.reasonCode, status.reason)
        : otherwise
      : otherwise;
  switch (status.kind) {
    case "pending":
      return status.pending.approval ? (
        <AwaitingApproval instance={instance} pending={status.pending} approval={status.pending.approval} />
      ) : (
        <Pending instance={instance} pending={status.pending} />
      );
    case "failed":
      return <Failed instance={instance} failure={status.failure} />;
    case "away": {
      const age = status.seenAt && formatAge(words, status.seenAt, now);
      const seen = !age ? s.neverSeen : age === words.now ? s.lastSeenNow : s.lastSeen(age);
      return (
        <PlainState dot="unknown">
          {s.away}, <span class="state-reason">{seen}</span>
        </PlainState>
      );
    }
    case "lost":
      return (
        <PlainState dot="problem">
          <span class="problem">
            {s.lost}: <Sentence text={reasonOr(s.lostOutside)} />
          </span>
        </PlainState>
      );
    case "unknown":
      return (
        <PlainState dot="unknown">
          {s.unknown}: <Sentence text={reasonOr(s.unknownOutcome)} />
        </PlainState>
      );
    default:
      return <PlainState dot={status.kind}>{labelOf(t.cloud.states, status.kind)}</PlainState>;
  }
}
