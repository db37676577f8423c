import type { MessagesApi } from "../../api/backend";
import { ApiError } from "../../api/errors";
import type { User } from "../../contract/generated";
import type { MockChat } from "./chat";

/** The threads and pinned messages of the demo. */
export const mockMessagesApi = (
  chat: MockChat,
  respond: <T>(work: () => T) => Promise<T>,
  userOf: (token: string | undefined) => User,
): MessagesApi => ({
  threads: (_before, token) => respond(() => chat.threads.list(userOf(token).id)),
  threadsUnread: (_atLeast, token) => respond(() => chat.threads.unread(userOf(token).id)),
  follow: (_room, id, on, token) => respond(() => chat.threads.follow(userOf(token).id, id, on)),
  readThread: (_room, id, seq, token) => respond(() => chat.threads.read(userOf(token).id, id, seq)),
  thread: ({ id }) =>
    respond(() => {
      const root = chat.messages.find(one => one.id === id);
      if (!root) throw new ApiError({ code: "message_unknown", detail: "there is no such message" });
      const replies = chat.messages.filter(one => one.thread === id);
      const last = chat.history({ room: root.room, limit: 1 });
      return { root, replies, ...(last.asOf === undefined ? {} : { asOf: last.asOf }) };
    }),
  commands: () => respond(() => [...chat.botCommands]),
  pins: room =>
    respond(() =>
      chat.messages
        .filter(one => one.room === room && one.pinned)
        .map(message => ({ seq: message.seq, by: message.user, at: message.timestamp, message }))
        .toReversed(),
    ),
});
