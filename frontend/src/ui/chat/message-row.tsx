import type { OutgoingMessage, ShownMessage } from "../../state/chat/model";
import { splitCode } from "../../text/code-blocks";
import { dayKey, formatClock, formatDay, isEmojiOnly } from "../../text/format";
import { splitLinks } from "../../text/links";
import { splitNames } from "../../text/server-names";
import { useApp } from "../app-context";
import { hrefs } from "../place";
import { dictionary, language } from "../settings/preferences";
import { Time } from "../time";
import { Avatar } from "./avatar";
import type { RowHead } from "./grouping";
import { ModerateButton } from "./moderation/moderate-button";

const DAY_MS = 24 * 60 * 60_000;

/** A text in which the names of servers are links to them. */
function WithServers({ text }: { readonly text: string }) {
  const { store } = useApp();
  const parts = splitNames(text);
  // Most messages name none: they are not drawn again when the servers change.
  if (parts.length === 1) return <>{text}</>;
  const names = store.serverNames.value;
  return (
    <>
      {parts.map((part, index) =>
        index % 2 && names.has(part) ? (
          <a key={index} href={hrefs.server(part)}>
            {part}
          </a>
        ) : (
          part
        ),
      )}
    </>
  );
}

const Prose = ({ text }: { readonly text: string }) => (
  <>
    {splitLinks(text).map((part, index) =>
      "href" in part ? (
        <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow ugc">
          {part.text}
        </a>
      ) : (
        <WithServers key={index} text={part.text} />
      ),
    )}
  </>
);

/** The text of a message as text nodes, links and code, never as markup. */
const MessageText = ({ text }: { readonly text: string }) => (
  <p class={isEmojiOnly(text) ? "message-text emoji-only" : "message-text"} dir="auto">
    {splitCode(text).map((part, index) =>
      index % 2 ? (
        <code key={index} class="code-block">
          {part}
        </code>
      ) : (
        part && <Prose key={index} text={part} />
      ),
    )}
  </p>
);

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
  readonly message: ShownMessage;
  readonly own: boolean;
  /** Whether it has a name and an avatar, or belongs to the message before it. */
  readonly isFirst: boolean;
  /** Whether another user has the author's name now. */
  readonly former: boolean;
}

export function MessageRow({ message, own, isFirst, former }: MessageRowProps) {
  const { user, timestamp } = message;
  const t = dictionary.value.chat;
  const author = own ? t.you : user.name;
  return (
    <article class={`message${own ? " own" : ""}${isFirst ? " first" : ""}`}>
      {isFirst && !own && <Avatar user={user} />}
      <header class={isFirst ? "message-head" : "message-head message-aside"}>
        <bdi class={isFirst ? "message-author" : "visually-hidden"}>{author}</bdi>
        {isFirst && former && ` (${t.former})`} <Time at={timestamp} format={formatClock} />
      </header>
      <div class="message-body">
        {message.removed ? <p class="message-removed">{t.removed}</p> : <MessageText text={message.text} />}
        <ModerateButton user={user} message={message} />
      </div>
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
      <div class="message-body">
        <MessageText text={item.text} />
      </div>
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
