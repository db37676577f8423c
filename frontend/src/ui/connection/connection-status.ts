import type { ChatState } from "../../state/chat/model";
import type { CloudState } from "../../state/cloud/model";
import type { ConnectionPhase, ConnectionState } from "../../state/connection";

/** In ascending order of severity: the page shows the more severe state of the two connections. */
const SEVERITY: readonly ConnectionPhase[] = ["idle", "live", "connecting", "waiting", "refused", "offline"];

/** The more severe state of the two connections. */
export function overallConnection(chat: ChatState, cloud: CloudState): ConnectionState {
  const [a, b] = [chat.connection, cloud.connection];
  return SEVERITY.indexOf(a.phase) > SEVERITY.indexOf(b.phase) ? a : b;
}

/** Whether a connection is not there and is not being made. */
export const isDown = ({ phase }: ConnectionState): boolean =>
  phase === "waiting" || phase === "offline" || phase === "refused";

/** Whether no server seems to exist at this address. */
export const serverSeemsAbsent = (cloud: CloudState): boolean =>
  !cloud.connection.everLive && cloud.connection.failures > 0;
