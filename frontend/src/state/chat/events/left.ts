import type { LeftFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/** A user left, and so is no longer typing. */
export const onLeft = (state: ChatState, { user }: LeftFrame): ChatState => ({
  ...state,
  users: state.users.filter(one => one.id !== user.id),
  typing: state.typing.filter(one => one.user.id !== user.id),
});
