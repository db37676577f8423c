import { isCreatedRoom } from "../../state/chat/rooms";
import { useApp } from "../app-context";
import { hrefs } from "../place";
import { roomsDictionary } from "../rooms/rooms-dictionary";
import { dictionary } from "../settings/preferences";

/** What a room without messages greets with: what it is for, how to begin, and how to bring others in. */
export function EmptyRoom({ room }: { readonly room: string }) {
  const state = useApp().store.chat.value.rooms.get(room)?.room;
  const t = roomsDictionary.value;
  return (
    <div class="placeholder empty-room">
      <h2>{dictionary.value.chat.empty}</h2>
      {state?.description && <p dir="auto">{state.description}</p>}
      {!state?.archived && <p class="hint">{t.firstSteps}</p>}
      {isCreatedRoom(room) && !state?.archived && state?.kind !== "direct" && (
        <a class="button quiet" href={hrefs.details(room)}>
          {t.inviteSomebody}
        </a>
      )}
    </div>
  );
}
