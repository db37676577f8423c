import type { JoinedFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** A user joined. If the user is already known, only the name is updated. */
export function onJoined(state: ChatState, { user }: JoinedFrame): ChatState {
  const known = state.users.some(one => one.id === user.id);
  const users = known ? state.users.map(one => (one.id === user.id ? user : one)) : [...state.users, user];
  return { ...state, users };
}
