import { ROOM } from "../../state/chat/model";
import { useApp } from "../app-context";
import { hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { roomDialog } from "./room-dialog-state";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";
import { useRoomList } from "./use-room-list";

/** What is shown of a room that the user is not in: how to join it, or that there is none. */
export default function RoomGate({ id }: { readonly id: string }) {
  const { me } = useApp().store.chat.value;
  const { rooms, problem, load } = useRoomList();
  const action = useRoomAction();
  const t = roomsDictionary.value;
  const view = rooms?.find(one => one.room.id === id);
  const back = (
    <p>
      <a href={hrefs.room(ROOM)}>#{ROOM}</a>
    </p>
  );
  if (!rooms && !problem) return <p>{t.loading}</p>;
  if (problem)
    return (
      <>
        <p class="problem" role="alert">
          {problem}
        </p>
        <button type="button" class="button" onClick={() => void load()}>
          {t.again}
        </button>
      </>
    );
  if (view?.room.kind !== "public" || view.room.archived)
    return (
      <>
        <h1>{view?.room.archived ? t.archived : dictionary.value.error("room_unknown")}</h1>
        {!view?.room.archived && <p>{t.unknownHint}</p>}
        {me && (
          <button
            type="button"
            class="button quiet"
            onClick={() => {
              roomDialog.value = "browse";
            }}
          >
            {t.browse}
          </button>
        )}
        {back}
      </>
    );
  const join = () =>
    action.run(async (api, token) => {
      await api.join(id, token);
    });
  return (
    <>
      <h1>
        #<bdi>{view.room.name}</bdi>
      </h1>
      {view.room.description && <p dir="auto">{view.room.description}</p>}
      <p class="hint">
        {view.members !== undefined && t.members(view.members)} · {t.notMember}
      </p>
      {me && (
        <button type="button" class="button primary" disabled={action.isBusy} onClick={() => void join()}>
          {t.join}
        </button>
      )}
      <p class="problem" role="alert">
        {action.problem?.text}
      </p>
      {back}
    </>
  );
}
