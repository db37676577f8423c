import type { ChatState } from "../state/chat/model";
import type { CloudState } from "../state/cloud/model";
import type { ConnectionPhase, ConnectionState } from "../state/connection";

/** The graver the later: what is wrong with one connection is what the page must show. */
const SEVERITY: readonly ConnectionPhase[] = ["idle", "live", "connecting", "waiting", "refused", "offline"];

/** The two connections as one: the graver of them. */
export function overallConnection(chat: ChatState, cloud: CloudState): ConnectionState {
  const [a, b] = [chat.connection, cloud.connection];
  return SEVERITY.indexOf(a.phase) > SEVERITY.indexOf(b.phase) ? a : b;
}

/** Whether there may be no server at all at this address. */
export const serverSeemsAbsent = (cloud: CloudState): boolean =>
  !cloud.connection.everLive && cloud.connection.failures > 0;
