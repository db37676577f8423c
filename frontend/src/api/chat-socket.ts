import { type ServerFrame, SUBPROTOCOL } from "../contract/generated";
import { ABNORMAL_CLOSURE, type ChatListener, type ChatSocket } from "./backend";

/** Time limit for the handshake: some networks drop packets without an error. */
const OPEN_TIMEOUT_MS = 10_000;
/** The code with which the page closes a socket that it no longer needs (RFC 6455, 7.4.1). */
const NORMAL_CLOSURE = 1000;

const parseFrame = (data: unknown): ServerFrame | undefined => {
  if (typeof data !== "string") return undefined;
  try {
    const frame: unknown = JSON.parse(data);
    return typeof frame === "object" && frame !== null && "type" in frame
      ? (frame as ServerFrame)
      : undefined;
  } catch {
    return undefined;
  }
};

/** Open a WebSocket that sends and receives frames; calls `onClose` once, however the socket ends. */
export function openChatSocket(url: string, listener: ChatListener): ChatSocket {
  const socket = new WebSocket(url, SUBPROTOCOL);
  let closed = false;
  const finish = (code: number, reason = "") => {
    if (closed) return;
    closed = true;
    clearTimeout(openTimeout);
    listener.onClose(code, reason);
  };
  const openTimeout = setTimeout(() => {
    finish(ABNORMAL_CLOSURE);
    socket.close();
  }, OPEN_TIMEOUT_MS);

  socket.onopen = () => {
    clearTimeout(openTimeout);
    if (!closed) listener.onOpen();
  };
  socket.onmessage = event => {
    const frame = parseFrame(event.data);
    if (frame && !closed) listener.onFrame(frame);
  };
  socket.onclose = event => finish(event.code, event.reason);

  return {
    send: frame => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    close: () => {
      closed = true;
      clearTimeout(openTimeout);
      socket.close(NORMAL_CLOSURE);
    },
  };
}
