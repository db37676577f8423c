import type { OutgoingChange, ShownRow } from "../../../state/chat/message-changes";
import { formatMessageTime } from "../../../text/format";
import { useApp } from "../../app-context";
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

/** What is known about a message beside its text: reactions, that it was edited or pinned, and failed changes. */
export default function MessageFoot({ message }: { readonly message: ShownRow }) {
  const { me, muted } = useApp().store.chat.value;
  const { reactions = [], editedAt, pinned, changes = [] } = message;
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
      {changes
        .filter(one => one.status === "failed")
        .map(one => (
          <FailedChange key={one.clientId} item={one} />
        ))}
    </div>
  );
}
