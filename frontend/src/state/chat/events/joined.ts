import type { JoinedFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** Someone came. A second notice of the same person changes nothing but the name. */
export function onJoined(state: ChatState, { user }: JoinedFrame): ChatState {
  const known = state.users.some(one => one.id === user.id);
  const users = known ? state.users.map(one => (one.id === user.id ? user : one)) : [...state.users, user];
  return { ...state, users };
}
