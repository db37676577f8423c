import { SUBPROTOCOL } from "../contract/generated";
import type { ChatConnection, ChatListener, ServerFrame } from "./backend";

/** A handshake that takes longer has met something that only swallows packets. */
const OPEN_WITHIN_MS = 10_000;
const NORMAL_CLOSURE = 1000;
const ABNORMAL_CLOSURE = 1006;

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

/** A WebSocket that speaks frames; one `onClose`, however it ends. */
export function openChatSocket(url: string, listener: ChatListener): ChatConnection {
  const socket = new WebSocket(url, SUBPROTOCOL);
  let closed = false;
  const end = (code: number, reason = "") => {
    if (closed) return;
    closed = true;
    clearTimeout(patience);
    listener.onClose(code, reason);
  };
  const patience = setTimeout(() => {
    end(ABNORMAL_CLOSURE);
    socket.close();
  }, OPEN_WITHIN_MS);

  socket.onopen = () => {
    clearTimeout(patience);
    if (!closed) listener.onOpen();
  };
  socket.onmessage = event => {
    const frame = parseFrame(event.data);
    if (frame && !closed) listener.onFrame(frame);
  };
  socket.onclose = event => end(event.code, event.reason);

  return {
    send: frame => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    close: () => {
      closed = true;
      clearTimeout(patience);
      socket.close(NORMAL_CLOSURE);
    },
  };
}
