import { useEffect, useMemo, useState } from "preact/hooks";
import type { RoomView } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";
import { useApp } from "../app-context";
import { goTo, hrefs } from "../place";
import { plainLabel } from "../rooms/room-label";
import { sortedDirects, sortedRooms } from "../rooms/room-order";
import type { Findable } from "./find";

/** The public rooms, also those that the user is not in; without a response of the server there are none. */
function usePublicRooms(): readonly RoomView[] {
  const { store, backend } = useApp();
  const [views, setViews] = useState<readonly RoomView[]>([]);
  const isIn = store.chat.value.me !== undefined;
  useEffect(() => {
    if (!isIn) return;
    let isWanted = true;
    backend
      .rooms()
      .then(api => api.list(store.token))
      .then(
        all => isWanted && setViews(all.filter(({ room }) => room.kind === "public" && !room.archived)),
        () => undefined,
      );
    return () => {
      isWanted = false;
    };
  }, [store, backend, isIn]);
  return views;
}

/**
 * The rooms that the search finds by their names, and direct rooms by their people: first the user's, in the order of the
 * list, then those that they may join. Archived rooms, which the list does not have, come last.
 */
export function useFindableRooms(): readonly Findable[] {
  const { rooms, me } = useApp().store.chat.value;
  const views = usePublicRooms();
  return useMemo(() => {
    const own = [...rooms.values()];
    const others = views
      .filter(({ room }) => !rooms.has(room.id))
      .map(({ room }): RoomState => ({ room, unread: 0, mentions: 0 }));
    const archived = own.filter(({ room }) => room.kind !== "direct" && room.archived);
    const all = [...sortedRooms(own), ...sortedDirects(own, me), ...sortedRooms(others), ...archived];
    return all.map(state => ({
      key: state.room.id,
      kind: state.room.kind === "direct" ? "direct" : "room",
      name: plainLabel(state, me),
      room: state,
      open: () => goTo(hrefs.room(state.room.id)),
    }));
  }, [rooms, me, views]);
}
