import type { WelcomeFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/**
 * The server accepted us; its list of users replaces ours.
 *
 * Only the first welcome sets `resumeFrom`: after a resume the missed messages are still to come, and a connection that
 * breaks among them must request the rest.
 */
export const onWelcome = (state: ChatState, frame: WelcomeFrame): ChatState => ({
  ...state,
  me: frame.user,
  users: frame.users,
  typing: [],
  muted: frame.muted,
  resumeFrom: state.resumeFrom ?? frame.seq,
});
