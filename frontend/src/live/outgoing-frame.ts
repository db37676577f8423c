import type { ClientFrame } from "../contract/generated";
import type { OutgoingChange } from "../state/chat/message-changes";
import type { OutgoingMessage } from "../state/chat/model";

/** What is sent and acknowledged. */
export type OutgoingItem = OutgoingMessage | OutgoingChange;

/** The frame that sends it. */
export function frameOf(item: OutgoingItem): ClientFrame {
  const { clientId, room } = item;
  if (!("change" in item)) {
    const { text, thread, broadcast, files } = item;
    const reply = thread === undefined ? {} : { thread, ...(broadcast ? { broadcast } : {}) };
    const attached = files ? { files: files.map(one => one.id) } : {};
    return { type: "send", clientId, room, text, ...reply, ...attached };
  }
  const { id, change } = item;
  switch (change.kind) {
    case "edit":
      return { type: "edit", clientId, room, id, text: change.text };
    case "delete":
      return { type: "delete", clientId, room, id };
    case "react":
      return { type: "react", clientId, room, id, emoji: change.emoji, on: change.on };
    case "pin":
      return { type: "pin", clientId, room, id, on: change.on };
    default:
      return change satisfies never;
  }
}
