import type { User } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";
import { Avatar } from "../chat/avatar";
import { othersIn } from "./room-label";

/** How many people of a direct room are drawn. */
const AVATARS_MAX = 2;

/** What kind of room it is, at a glance: a sign, a lock, or the people in it. */
export function RoomIcon({ state, me }: { readonly state: RoomState; readonly me: User | undefined }) {
  switch (state.room.kind) {
    case "open":
    case "public":
      return (
        <span class="room-icon" aria-hidden="true">
          #
        </span>
      );
    case "private":
      return <span class="room-icon icon icon-lock" aria-hidden="true" />;
    case "direct":
      return (
        <span class="room-icon avatars" aria-hidden="true">
          {othersIn(state, me)
            .slice(0, AVATARS_MAX)
            .map(user => (
              <Avatar key={user.id} user={user} />
            ))}
        </span>
      );
    default:
      return state.room.kind satisfies never;
  }
}
