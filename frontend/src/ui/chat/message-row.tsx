import type { OutgoingMessage, ShownMessage } from "../../state/chat/model";
import { formatMessageTime, isEmojiOnly } from "../../text/format";
import { splitLinks } from "../../text/links";
import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";
import { ModerateButton } from "./moderation/moderate-button";

/** The text of a message as text nodes and links, never as markup. */
const MessageText = ({ text }: { readonly text: string }) => (
  <p class={isEmojiOnly(text) ? "message-text emoji-only" : "message-text"} dir="auto">
    {splitLinks(text).map((part, index) =>
      "href" in part ? (
        <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow ugc">
          {part.text}
        </a>
      ) : (
        part.text
      ),
    )}
  </p>
);

interface MessageRowProps {
  readonly message: ShownMessage;
  readonly own: boolean;
  /** Whether another user has the author's name now. */
  readonly former: boolean;
}

export function MessageRow({ message, own, former }: MessageRowProps) {
  return (
    <article class={own ? "message own" : "message"}>
      <header class="message-head">
        <bdi class="message-author">{own ? dictionary.value.chat.you : message.user.name}</bdi>
        {former && ` (${dictionary.value.chat.former})`},{" "}
        <Time at={message.timestamp} format={formatMessageTime} />
        <ModerateButton user={message.user} message={message} />
      </header>
      {message.removed ? (
        <p class="message-removed">{dictionary.value.chat.removed}</p>
      ) : (
        <MessageText text={message.text} />
      )}
    </article>
  );
}

export function OutgoingRow({ item }: { readonly item: OutgoingMessage }) {
  const { store } = useApp();
  const t = dictionary.value.chat;
  const isLive = store.chat.value.connection.phase === "live";
  const status = item.status === "failed" ? t.failed : isLive ? t.sending : t.queued;
  return (
    <article class="message own outgoing" data-status={item.status}>
      <header class="message-head">
        <span class="message-author">{t.you}</span>, <Time at={item.at} format={formatMessageTime} />
      </header>
      <MessageText text={item.text} />
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
