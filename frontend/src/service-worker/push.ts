/** What a push says, as far as it is shown; see the contract `PushPayload`. */
export interface Pushed {
  readonly reason: string;
  readonly room: string;
  readonly roomName?: string;
  readonly seq: number;
  readonly thread?: string;
  readonly sender: string;
  readonly text: string;
  readonly unread?: number;
}

const isText = (value: unknown): value is string => typeof value === "string";

/** Read a push; undefined if it is none of ours, or of a version that this one doesn't know. */
export function pushedIn(data: unknown): Pushed | undefined {
  const { version, reason, room, roomName, seq, thread, sender, text, unread } = (data ?? {}) as Record<
    string,
    unknown
  >;
  if (version !== 1 || !isText(room) || !isText(sender) || !isText(text)) return undefined;
  if (!Number.isSafeInteger(seq)) return undefined;
  return {
    ...{ room, sender, text, seq: seq as number, reason: isText(reason) ? reason : "message" },
    ...(isText(roomName) ? { roomName } : {}),
    ...(isText(thread) ? { thread } : {}),
    ...(Number.isSafeInteger(unread) ? { unread: unread as number } : {}),
  };
}

/** The address of the message, relative to the page. */
export const hashOf = ({ room, seq, thread }: Pushed): string =>
  `#/rooms/${encodeURIComponent(room)}?${thread === undefined ? `message=${seq}` : `thread=${encodeURIComponent(thread)}`}`;

/** Who has written, and where. */
export const titleOf = ({ sender, roomName }: Pushed): string =>
  roomName === undefined ? sender : `${sender} · ${roomName}`;
