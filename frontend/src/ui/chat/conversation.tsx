import { useApp } from "../app-context";
import { Lazy } from "../lazy";
import { messageIn, place } from "../place";
import { dictionary } from "../settings/preferences";
import { Composer } from "./composer";
import { MessageList } from "./message-list";
import { TypingLine } from "./typing-line";

const loadExcerpt = () => import(/* webpackChunkName: "excerpt" */ "./excerpt/excerpt");

interface ConversationProps {
  /** The id of the room. */
  readonly room: string;
  readonly isArchived: boolean;
}

/** The messages of a room, and where one writes. Not part of the first load: messages come later anyway. */
export default function Conversation({ room, isArchived }: ConversationProps) {
  const { me } = useApp().store.chat.value;
  const seq = messageIn(place.value);
  return (
    <>
      {seq === undefined ? (
        <MessageList key={room} room={room} />
      ) : (
        <Lazy key={`${room}/${seq}`} load={loadExcerpt} props={{ room, seq }} />
      )}
      <TypingLine room={room} />
      {isArchived ? (
        <p class="placeholder">{dictionary.value.chat.archived}</p>
      ) : (
        <Composer key={`${me?.name}/${room}`} room={room} />
      )}
    </>
  );
}
