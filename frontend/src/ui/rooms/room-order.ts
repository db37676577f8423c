import type { User } from "../../contract/generated";
import { ROOM, type RoomState } from "../../state/chat/model";
import { comparable } from "../../text/typed";
import { roomLabel } from "./room-label";

/** Rooms in the order of a list: the general one, those that everybody is in, then by name. */
export function sortedRooms(rooms: Iterable<RoomState>): readonly RoomState[] {
  const rank = ({ room }: RoomState) => (room.id === ROOM ? 0 : room.kind === "open" ? 1 : 2);
  const name = (state: RoomState) => comparable(state.room.name ?? state.room.id);
  return [...rooms]
    .filter(({ room }) => room.kind !== "direct" && !room.archived)
    .sort((a, b) => rank(a) - rank(b) || name(a).localeCompare(name(b)));
}

/** Direct rooms in the order of a list: those with unread messages first, then by the names of their people. */
export function sortedDirects(rooms: Iterable<RoomState>, me: User | undefined): readonly RoomState[] {
  const name = (state: RoomState) => comparable(roomLabel(state, me));
  const rank = ({ unread }: RoomState) => (unread > 0 ? 0 : 1);
  return [...rooms]
    .filter(({ room }) => room.kind === "direct")
    .sort((a, b) => rank(a) - rank(b) || name(a).localeCompare(name(b)));
}
