import type { Reactions as Reaction } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import type { ShownRow } from "../../../state/chat/message-changes";
import { useApp } from "../../app-context";
import { messageDictionary } from "./message-dictionary";

interface ReactionsProps {
  readonly message: ShownRow;
  /** Whether the reader may react. */
  readonly may: boolean;
}

/** The reactions to a message. Each is a button: it adds the reader's own, or takes it back. */
export function Reactions({ message, may }: ReactionsProps) {
  const { store } = useApp();
  const { id, room, reactions = [] } = message;
  const me = store.chat.value.me;
  const t = messageDictionary.value;
  const describe = ({ emoji, count, users, me: isOwn }: Reaction): string => {
    const others = users.filter(user => user.id !== me?.id).map(user => user.name);
    const names = isOwn ? [t.you, ...others] : others;
    return unmarked(t.reacted(emoji, names, count - names.length));
  };
  return (
    <p class="reactions" role="group" aria-label={t.reactions}>
      {reactions.map(reaction => (
        <button
          key={reaction.emoji}
          type="button"
          class="reaction"
          aria-pressed={reaction.me === true}
          aria-label={describe(reaction)}
          title={describe(reaction)}
          disabled={!may}
          onClick={() =>
            store.change(room, id, { kind: "react", emoji: reaction.emoji, on: reaction.me !== true })
          }
        >
          <span aria-hidden="true">
            {reaction.emoji} {reaction.count}
          </span>
        </button>
      ))}
    </p>
  );
}
