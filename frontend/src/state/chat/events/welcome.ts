import type { WelcomeFrame } from "../../../contract/generated";
import type { ChatState } from "../model";

/**
 * The server knows us; the list of people is whole and replaces ours.
 *
 * Only a first welcome says where to resume from: after a resume the missed messages are still to come,
 * and a connection that breaks among them must ask for the rest.
 */
export const onWelcome = (state: ChatState, frame: WelcomeFrame): ChatState => ({
  ...state,
  me: frame.user,
  users: frame.users,
  typing: [],
  muted: frame.muted,
  resumeFrom: state.resumeFrom ?? frame.seq,
});
