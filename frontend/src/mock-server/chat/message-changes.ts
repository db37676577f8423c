import type {
  DeleteFrame,
  EditFrame,
  ErrorCode,
  Message,
  PinFrame,
  ReactFrame,
  User,
} from "../../contract/generated";
import { type ChangeFrame, withReaction } from "../../state/chat/message-changes";

/** A frame of a client that changes a message. */
export type ChangeRequest = EditFrame | DeleteFrame | ReactFrame | PinFrame;

export interface ChangeContext {
  readonly messages: Message[];
  readonly nextSeq: () => number;
  readonly publish: (frame: ChangeFrame) => void;
}

/** A frame of an event without its type; distributed over the types. */
const replaceAt = (messages: Message[], message: Message, next: Message): void => {
  messages[messages.indexOf(message)] = next;
};

/** Change a message as the server does. Returns the event's sequence and time, or why not. */
export function changeMessage(
  { messages, nextSeq, publish }: ChangeContext,
  user: User,
  request: ChangeRequest,
): { readonly seq: number; readonly timestamp: string; readonly duplicate: boolean } | ErrorCode {
  const message = messages.find(one => one.id === request.id);
  if (!message) return "message_unknown";
  const timestamp = new Date().toISOString();
  const { id, room, seq: messageSeq } = message;
  const isOwn = message.user.id === user.id;
  const store = (toFrame: (seq: number) => ChangeFrame) => {
    const seq = nextSeq();
    publish(toFrame(seq));
    return { seq, timestamp, duplicate: false };
  };
  const unchanged = { seq: messageSeq, timestamp: message.timestamp, duplicate: true };
  switch (request.type) {
    case "edit": {
      if (!isOwn) return "forbidden";
      const next = { ...message, text: request.text, editedAt: timestamp };
      replaceAt(messages, message, next);
      const { reactions: _reactions, pinned: _pinned, ...plain } = next;
      return store(seq => ({ type: "edited", seq, room, id, timestamp, message: plain }));
    }
    case "delete":
      if (!isOwn) return "forbidden";
      messages.splice(messages.indexOf(message), 1);
      return store(seq => ({ type: "removed", seq, room, id, messageSeq, timestamp, byAuthor: true }));
    case "react": {
      const { emoji, on } = request;
      const before = message.reactions?.find(one => one.emoji === emoji);
      if ((before?.users.some(one => one.id === user.id) ?? false) === on) return unchanged;
      const reactions = withReaction(message.reactions ?? [], { user, emoji, on }, false);
      replaceAt(messages, message, { ...message, reactions });
      const count = reactions.find(one => one.emoji === emoji)?.count ?? 0;
      return store(seq => ({
        type: "reaction",
        seq,
        room,
        id,
        messageSeq,
        user,
        emoji,
        on,
        count,
        timestamp,
      }));
    }
    case "pin": {
      const { on } = request;
      if ((message.pinned ?? false) === on) return unchanged;
      replaceAt(messages, message, { ...message, pinned: on });
      return store(seq => ({ type: "pinned", seq, room, id, messageSeq, user, on, timestamp }));
    }
    default:
      return request satisfies never;
  }
}
