import type { User } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";

/** The others in a direct room. */
export const othersIn = ({ people = [] }: RoomState, me: User | undefined): readonly User[] =>
  people.filter(one => one.id !== me?.id);

/** What a room is called: by its name, or by the people in it. */
export function roomLabel(state: RoomState | undefined, me: User | undefined): string {
  if (!state) return "";
  const { kind, name = "" } = state.room;
  if (kind === "direct")
    return (
      othersIn(state, me)
        .map(one => one.name)
        .join(", ") ||
      (me?.name ?? "")
    );
  return kind === "private" ? name : `#${name}`;
}
