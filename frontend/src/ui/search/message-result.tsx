import type { MessageHit } from "../../contract/generated";
import { formatClock, formatDay } from "../../text/format";
import { useApp } from "../app-context";
import { FileNames } from "../chat/files/file-names";
import { roomLabel } from "../rooms/room-label";
import { language } from "../settings/preferences";
import { snippetOf } from "./snippet";

/** A message that was found: what matches, and where, when and by whom it was written. */
export function MessageResult({ hit }: { readonly hit: MessageHit }) {
  const { me, rooms } = useApp().store.chat.value;
  const { room, user, timestamp, files } = hit.message;
  const state = rooms.get(room);
  return (
    <span class="palette-message">
      <span class="palette-snippet" dir="auto">
        {snippetOf(hit).map(({ text, isMatch }, at) => (isMatch ? <mark key={at}>{text}</mark> : text))}
      </span>
      {files && <FileNames files={files} />}
      <span class="palette-source">
        <bdi>{user.name}</bdi> · <bdi>{state ? roomLabel(state, me) : room}</bdi> ·{" "}
        <time dateTime={timestamp}>
          {formatDay(language.value, timestamp)}, {formatClock(timestamp)}
        </time>
      </span>
    </span>
  );
}
