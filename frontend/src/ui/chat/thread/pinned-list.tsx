import { useEffect, useState } from "preact/hooks";
import type { Pin } from "../../../contract/generated";
import { formatMessageTime } from "../../../text/format";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { FileNames } from "../files/file-names";
import { messageDictionary } from "../message/message-dictionary";
import { MessageText } from "../message/message-text";

/** The pinned messages of a room; undefined while they are loaded. */
function usePins(room: string): readonly Pin[] | undefined {
  const { store, backend } = useApp();
  const [pins, setPins] = useState<readonly Pin[]>();
  const { recent, connection, changes } = store.chat.value;
  // What is pinned, edited or removed changes the list; a reaction doesn't.
  const last = recent.findLast(frame => frame.room === room && frame.type !== "reaction")?.seq;
  const isPending = changes.some(one => one.room === room && one.change.kind !== "react");
  const isLive = connection.phase === "live";
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is loaded again after these changes
  useEffect(() => {
    let isWanted = true;
    backend
      .messages()
      .then(api => api.pins(room, store.token))
      .then(
        found => isWanted && setPins(found),
        // It is loaded again with the next change, or when the connection is back.
        () => undefined,
      );
    return () => {
      isWanted = false;
    };
  }, [backend, store, room, last, isPending, isLive]);
  return pins;
}

/** The pinned messages of a room, the one that was pinned last first. Each leads to its place. */
export default function PinnedList({ room }: { readonly room: string }) {
  const { store } = useApp();
  const { me, muted } = store.chat.value;
  const pins = usePins(room);
  const t = messageDictionary.value;
  if (!pins || pins.length === 0) return null;
  return (
    <>
      <h2>
        {t.pinned} <span class="hint">{pins.length}</span>
      </h2>
      <ul class="pins" aria-label={t.pinned}>
        {pins.map(({ message }) => (
          <li key={message.id} class="pin">
            <p class="message-head">
              <bdi class="message-author">{message.user.name}</bdi>
              <a href={hrefs.message(room, message.seq)}>{formatMessageTime(message.timestamp)}</a>
              {me && !muted && (
                <button
                  type="button"
                  class="tool"
                  aria-label={t.unpinOf(message.user.name)}
                  title={t.unpin}
                  onClick={() => store.change(room, message.id, { kind: "pin", on: false })}
                >
                  <span class="icon icon-close" aria-hidden="true" />
                </button>
              )}
            </p>
            <MessageText text={message.text} />
            {message.files && <FileNames files={message.files} />}
          </li>
        ))}
      </ul>
    </>
  );
}
