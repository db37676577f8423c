import type { User } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";

/** The others in a direct room. */
export const othersIn = ({ people = [] }: RoomState, me: User | undefined): readonly User[] =>
  people.filter(one => one.id !== me?.id);

/** What a room is called: by its name, or by the people in it. */
export function plainLabel(state: RoomState, me: User | undefined): string {
  if (state.room.kind !== "direct") return state.room.name ?? state.room.id;
  const names = othersIn(state, me).map(one => one.name);
  return names.join(", ") || (me?.name ?? "");
}

/** What a room is called where nothing else shows its kind. */
export const roomLabel = (state: RoomState, me: User | undefined): string =>
  (["open", "public"].includes(state.room.kind) ? "#" : "") + plainLabel(state, me);
