import type { OutgoingChange, ShownRow } from "../../../state/chat/message-changes";
import { formatMessageTime } from "../../../text/format";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { messageDictionary } from "./message-dictionary";
import { Reactions } from "./reactions";

/** A change that failed, and what to do about it. */
function FailedChange({ item }: { readonly item: OutgoingChange }) {
  const { store } = useApp();
  const { chat, error } = dictionary.value;
  const { clientId, change, code } = item;
  return (
    <p class="message-status problem" role="status">
      {messageDictionary.value.failedChange[change.kind]}
      {code && ` — ${error(code)}`}
      <button type="button" class="link-button" onClick={() => store.retry(clientId)}>
        {chat.retry}
      </button>
      <button type="button" class="link-button" onClick={() => store.discard(clientId)}>
        {chat.discard}
      </button>
    </p>
  );
}

/** Leads to the thread of a message: of the first one, or of a reply that the room shows, too. */
function ThreadLink({ message: { room, id, thread, replies } }: { readonly message: ShownRow }) {
  const t = messageDictionary.value;
  if (!replies && thread === undefined) return null;
  return (
    <a class="thread-link" href={hrefs.thread(room, thread ?? id)}>
      {replies ? t.replies(replies.replies) : t.inThread}
      {replies && replies.participants.length > 0 && (
        <span class="hint"> · {replies.participants.map(user => user.name).join(", ")}</span>
      )}
    </a>
  );
}

interface MessageFootProps {
  readonly message: ShownRow;
  readonly isInThread: boolean;
}

/** What is known about a message beside its text: reactions, that it was edited or pinned, and failed changes. */
export default function MessageFoot({ message, isInThread }: MessageFootProps) {
  const { me, muted } = useApp().store.chat.value;
  const { reactions = [], pinned, changes = [], card } = message;
  const editedAt = card ? undefined : message.editedAt;
  const t = messageDictionary.value;
  const isSaving = changes.some(({ change, status }) => change.kind === "edit" && status !== "failed");
  return (
    <div class="message-foot">
      {reactions.length > 0 && <Reactions message={message} may={me !== undefined && !muted} />}
      {(editedAt || pinned || isSaving) && (
        <p class="message-note">
          {pinned && (
            <span class="message-pinned">
              <span class="icon icon-pin" aria-hidden="true" /> {t.pinned}
            </span>
          )}
          {isSaving ? (
            <span>{t.saving}</span>
          ) : (
            editedAt && (
              <time dateTime={editedAt} title={t.editedAt(formatMessageTime(editedAt))}>
                {t.edited}
              </time>
            )
          )}
        </p>
      )}
      {!isInThread && <ThreadLink message={message} />}
      {changes
        .filter(one => one.status === "failed")
        .map(one => (
          <FailedChange key={one.clientId} item={one} />
        ))}
    </div>
  );
}
