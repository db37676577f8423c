import type { ChatState } from "../state/chat/model";
import type { CloudState } from "../state/cloud/model";
import type { LinkPhase, LinkState } from "../state/link";

/** The graver the later: what is wrong with one connection is what the page must show. */
const GRAVITY: readonly LinkPhase[] = ["idle", "live", "connecting", "waiting", "refused", "offline"];

/** The two connections as one: the graver of them. */
export function overallLink(chat: ChatState, cloud: CloudState): LinkState {
  const [a, b] = [chat.link, cloud.link];
  return GRAVITY.indexOf(a.phase) > GRAVITY.indexOf(b.phase) ? a : b;
}

/** Whether there may be no server at all at this address. */
export const seemsAbsent = (cloud: CloudState): boolean => !cloud.link.everLive && cloud.link.failures > 0;
