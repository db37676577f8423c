import type { SearchApi } from "../../api/backend";
import { comparable } from "../../text/typed";
import type { MockChat } from "./chat";

const AROUND = 25;

/** The search of the demo: by parts of messages, without stems and filters. */
export const mockSearchApi = (chat: MockChat, respond: <T>(work: () => T) => Promise<T>): SearchApi => ({
  search: ({ q, limit }) =>
    respond(() => {
      const wanted = comparable(q);
      const hits = chat.messages
        .filter(one => wanted && comparable(one.text).includes(wanted))
        .toReversed()
        .slice(0, limit);
      const messages = hits.map(message => {
        const start = [...message.text.slice(0, message.text.toLowerCase().indexOf(q.trim().toLowerCase()))]
          .length;
        return { message, highlights: [{ start, end: start + [...q.trim()].length }] };
      });
      return { messages, servers: [], worklog: [], complete: true };
    }),
  around: (_room, seq) =>
    respond(() => {
      const at = chat.messages.findLastIndex(one => one.seq <= seq);
      return chat.messages.slice(Math.max(0, at - AROUND + 1), at + 1 + AROUND);
    }),
});
