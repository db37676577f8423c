import { useComputed } from "@preact/signals";
import type { ShownRow } from "../../state/chat/message-changes";
import type { OutgoingMessage } from "../../state/chat/model";
import { isCommand, unescaped } from "../../text/escaped";
import { dayKey, formatClock, formatDay } from "../../text/format";
import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { dictionary, language } from "../settings/preferences";
import { Time } from "../time";
import { Avatar } from "./avatar";
import { BotBadge } from "./bot-badge";
import type { RowHead } from "./grouping";
import { activeMessage, editing } from "./message/active-message";
import { MessageText } from "./message/message-text";

const loadCard = () => import(/* webpackChunkName: "cards" */ "./cards/message-card");
const loadActions = () => import(/* webpackChunkName: "message" */ "./message/message-actions");
const loadEditForm = () => import(/* webpackChunkName: "message" */ "./message/edit-form");
const loadFiles = () => import(/* webpackChunkName: "files" */ "./files/message-files");
const loadFoot = () => import(/* webpackChunkName: "message-foot" */ "./message/message-foot");

const DAY_MS = 24 * 60 * 60_000;

/** The line above the first message of a day. */
export const DayLine = ({ at }: { readonly at: string | number }) => {
  const t = dictionary.value.chat;
  const day = dayKey(at);
  const [today, yesterday] = [Date.now(), Date.now() - DAY_MS].map(dayKey);
  const words = day === today ? t.today : day === yesterday ? t.yesterday : formatDay(language.value, at);
  return (
    <p class="day-line">
      <span>{words}</span>
    </p>
  );
};

/** The lines above a row: that a day begins, and that what follows is new. */
export const Separators = ({ head, at }: { readonly head: RowHead; readonly at: string | number }) => (
  <>
    {head.startsDay && <DayLine at={at} />}
    {head.startsNew && (
      <p class="day-line new-line">
        <span>{dictionary.value.chat.newLine}</span>
      </p>
    )}
  </>
);

interface MessageRowProps {
  readonly message: ShownRow;
  readonly own: boolean;
  /** Whether it has a name and an avatar, or belongs to the message before it. */
  readonly isFirst: boolean;
  /** Whether it is shown in its thread. */
  readonly isInThread?: boolean;
  /** Whether another user has the author's name now. */
  readonly former: boolean;
}

export function MessageRow({ message, own, isFirst, former, isInThread = false }: MessageRowProps) {
  const { me } = useApp().store.chat.value;
  const {
    id,
    user,
    timestamp,
    removed,
    reactions = [],
    files,
    editedAt,
    pinned,
    changes,
    replies,
    thread,
    card,
  } = message;
  const t = dictionary.value.chat;
  const author = own ? t.you : user.name;
  const isActive = useComputed(() => activeMessage.value === id).value;
  const isEdited = useComputed(() => editing.value?.id === id).value;
  // A card says itself when it was updated.
  const isChanged = editedAt !== undefined && card === undefined;
  const hasFoot = reactions.length > 0 || isChanged || pinned || changes !== undefined;
  const hasThread = !isInThread && (replies !== undefined || thread !== undefined);
  return (
    <article class={`message${own ? " own" : ""}${isFirst ? " first" : ""}`} data-message={id}>
      {isFirst && !own && <Avatar user={user} />}
      <header class={isFirst ? "message-head" : "message-head message-aside"}>
        <bdi class={isFirst ? "message-author" : "visually-hidden"}>{author}</bdi>
        {isFirst && <BotBadge id={user.id} />}
        {isFirst && message.imported && <span class="bot-badge">{t.imported}</span>}
        {isFirst && former && ` (${t.former})`} <Time at={timestamp} format={formatClock} />
      </header>
      <div class={message.command ? "message-body command" : "message-body"}>
        {removed ? (
          <p class="message-removed">{removed === "author" ? t.deleted : t.removed}</p>
        ) : isEdited && own ? (
          <Lazy load={loadEditForm} props={{ message }} />
        ) : card ? (
          <Lazy load={loadCard} props={{ message }} />
        ) : (
          message.text && <MessageText text={message.text} />
        )}
        {isActive && me && !removed && !isEdited && (
          <Lazy load={loadActions} props={{ message, own, isInThread }} />
        )}
      </div>
      {files && !removed && <Lazy load={loadFiles} props={{ message }} />}
      {(hasFoot || hasThread) && <Lazy load={loadFoot} props={{ message, isInThread }} />}
    </article>
  );
}

interface OutgoingRowProps {
  readonly item: OutgoingMessage;
  readonly isFirst: boolean;
}

export function OutgoingRow({ item, isFirst }: OutgoingRowProps) {
  const { store } = useApp();
  const t = dictionary.value.chat;
  const isLive = store.chat.value.connection.phase === "live";
  const status = item.status === "failed" ? t.failed : isLive ? t.sending : t.queued;
  return (
    <article class={`message own outgoing${isFirst ? " first" : ""}`} data-status={item.status}>
      <header class={isFirst ? "message-head" : "message-head message-aside"}>
        <span class={isFirst ? "message-author" : "visually-hidden"}>{t.you}</span>{" "}
        <Time at={item.at} format={formatClock} />
      </header>
      <div class={isCommand(item.text) ? "message-body command" : "message-body"}>
        {item.text && <MessageText text={unescaped(item.text)} />}
      </div>
      {item.files && (
        <Lazy
          load={loadFiles}
          props={{
            message: { ...item, id: item.clientId, timestamp: new Date(item.at).toISOString() },
          }}
        />
      )}
      <p class="message-status">
        {status}
        {item.status === "failed" && item.code && ` — ${dictionary.value.error(item.code)}`}
        {item.status === "failed" && (
          <>
            <button type="button" class="link-button" onClick={() => store.retry(item.clientId)}>
              {t.retry}
            </button>
            <button type="button" class="link-button" onClick={() => store.discard(item.clientId)}>
              {t.discard}
            </button>
          </>
        )}
      </p>
    </article>
  );
}
