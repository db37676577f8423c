import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import {
  type Card,
  COMMANDS,
  type Command,
  type Instance,
  type LifecycleCommand,
} from "../../../contract/generated";
import { labelOf } from "../../../i18n/label";
import type { ShownRow } from "../../../state/chat/message-changes";
import { formatClock } from "../../../text/format";
import { isError } from "../../../text/worklog";
import { commandLine, entryWith, type WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { type Decide, DecideContext } from "../../cloud/servers/awaiting-approval";
import { isRepeat } from "../../cloud/servers/repeated-click";
import { commandsFor } from "../../cloud/servers/server-commands";
import { useMayCommand } from "../../cloud/use-may-command";
import { Outcome } from "../../cloud/worklog/worklog-entry";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { MessageText } from "../message/message-text";
import { CardActions, FailedCommands } from "./card-actions";
import { CardFrame, type CardState } from "./card-frame";
import { cardsDictionary } from "./cards-dictionary";
import { stateOf } from "./outside-card";
import { CardServer, CardServers } from "./servers-card";

/** What the page knows of an operation now; without either, only what the card says. */
interface LiveOperation {
  /** The server, as long as the operation is pending. */
  readonly pendingAt?: Instance | undefined;
  /** Its lines of the Worklog, once it has ended. */
  readonly entry?: WorklogEntry | undefined;
}

/** The operation of a card, from the state of the servers that the page holds anyway. */
function useOperation({ operation, instances: ids = [] }: Card): LiveOperation {
  const { cloud, access } = useApp().store;
  const maySee = access.may("see_servers");
  const ended = useRef<WorklogEntry | undefined>(undefined);
  return useComputed<LiveOperation>(() => {
    if (!maySee || operation === undefined) return {};
    // What has ended stays so, and needs no search when something else happens.
    if (ended.current) return { entry: ended.current };
    const { instances, worklog } = cloud.value;
    const known = ids.map(id => instances.get(id)).find(one => one?.pending?.id === operation);
    if (known) return { pendingAt: known };
    const entry = entryWith(worklog, operation);
    const instanceId = entry && commandLine(entry)?.instanceId;
    const instance = instanceId === undefined ? undefined : instances.get(instanceId);
    if (instance?.pending?.id === operation) return { pendingAt: instance };
    if (!entry?.outcome) return {};
    ended.current = entry;
    return { entry };
  }).value;
}

/** How the card looks now. */
function stateNow(card: Card, { pendingAt, entry }: LiveOperation): CardState {
  const t = cardsDictionary.value;
  if (pendingAt?.pending?.approval) return { tone: "warn", icon: "clock", word: t.waiting };
  if (pendingAt) return { tone: "busy", icon: "clock", word: t.inProgress };
  const outcome = entry?.outcome;
  if (!outcome) return stateOf(card);
  if (outcome.kind === "cancelled") return { tone: "calm", icon: "undo", word: t.undone };
  if (outcome.kind === "denied" || outcome.kind === "expired")
    return { tone: "bad", icon: "close", word: labelOf(dictionary.value.worklog.kinds, outcome.kind) };
  if (isError(outcome) || outcome.kind === "lost")
    return { tone: "bad", icon: "close", word: t.statuses.failed };
  return { tone: "good", icon: "check", word: t.statuses.succeeded };
}

const isLifecycle = (command: Command | undefined): command is LifecycleCommand =>
  command !== undefined && Object.hasOwn(COMMANDS, command);

/** Says the command of an operation that failed again, where the card is. Not offered if it makes no sense now. */
function RetryButton({ message, entry }: { readonly message: ShownRow; readonly entry: WorklogEntry }) {
  const { store } = useApp();
  const mayCommand = useMayCommand();
  const { room, thread } = message;
  const { command, instanceId = "" } = commandLine(entry) ?? {};
  const instance = store.cloud.value.instances.get(instanceId);
  const isFailure = entry.outcome !== undefined && isError(entry.outcome);
  if (!isFailure || !mayCommand || !instance || instance.pending || !isLifecycle(command)) return null;
  if (!commandsFor(instance).includes(command)) return null;
  const text = `/${command === "remove" ? "rm" : command} ${instance.name}`;
  const t = dictionary.value;
  return (
    <button
      type="button"
      class="button small"
      title={text}
      aria-label={cardsDictionary.value.retryOf(text)}
      onClick={event => {
        if (!isRepeat(event)) store.send(text, room, thread === undefined ? {} : { thread });
      }}
    >
      {t.chat.retry}
    </button>
  );
}

function Ended({ message, entry }: { readonly message: ShownRow; readonly entry: WorklogEntry }) {
  const { outcome } = entry;
  return (
    <div class="card-outcome">
      <p>
        <Outcome entry={entry} />
        {outcome && (
          <span class="card-when">
            {" "}
            <Time at={outcome.timestamp} format={formatClock} />
          </span>
        )}
      </p>
      <RetryButton message={message} entry={entry} />
    </div>
  );
}

/** A server whose operation is pending. A decision about it is said in the thread of the card, for everybody. */
function Pending({ message, instance }: { readonly message: ShownRow; readonly instance: Instance }) {
  const { store } = useApp();
  const thread = message.thread ?? message.id;
  const operation = instance.pending?.id ?? "";
  const said = [`/approve ${operation}`, `/deny ${operation}`];
  const decide: Decide = (decision, id) => {
    const text = `/${decision} ${id}`;
    const isSending = store.chat.value.outbox.some(
      item => item.thread === thread && item.text === text && item.status !== "failed",
    );
    if (!isSending) store.send(text, message.room, { thread });
  };
  return (
    <DecideContext.Provider value={decide}>
      <CardServer instance={instance} />
      {instance.pending?.approval && <FailedCommands message={message} commands={said} />}
    </DecideContext.Provider>
  );
}

interface CardProps {
  readonly message: ShownRow;
  readonly card: Card;
}

/** A card of an operation, drawn from the state of the servers: it counts down, can be undone, and says the outcome. */
export function OperationCard({ message, card }: CardProps) {
  const live = useOperation(card);
  const { title, text, link, instances, operation } = card;
  const { pendingAt, entry } = live;
  const actor = entry && commandLine(entry)?.actor;
  const isKnown = pendingAt !== undefined || entry !== undefined;
  return (
    <CardFrame
      state={stateNow(card, live)}
      title={title}
      link={link}
      note={actor && <bdi>{dictionary.value.cloud.by(actor)}</bdi>}
    >
      {pendingAt && <Pending message={message} instance={pendingAt} />}
      {entry && <Ended message={message} entry={entry} />}
      {!isKnown && text && <MessageText text={text} />}
      {/* Of several servers, each shows how it is. */}
      {!isKnown && operation === undefined && instances && <CardServers ids={instances} />}
      {/* What can be done with a known operation is beside its state. */}
      {!isKnown && <CardActions message={message} card={card} />}
    </CardFrame>
  );
}
