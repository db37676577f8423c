import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { Composer } from "./composer";
import { MessageList } from "./message-list";
import { TypingLine } from "./typing-line";

interface ConversationProps {
  /** The id of the room. */
  readonly room: string;
  readonly isArchived: boolean;
}

/** The messages of a room, and where one writes. Not part of the first load: messages come later anyway. */
export default function Conversation({ room, isArchived }: ConversationProps) {
  const { me } = useApp().store.chat.value;
  return (
    <>
      <MessageList key={room} room={room} />
      <TypingLine room={room} />
      {isArchived ? (
        <p class="placeholder">{dictionary.value.chat.archived}</p>
      ) : (
        <Composer key={`${me?.name}/${room}`} room={room} />
      )}
    </>
  );
}
