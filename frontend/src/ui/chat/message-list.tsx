import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { withPending } from "../../state/chat/message-changes";
import { conversationOf } from "../../state/chat/messages";
import type { ShownMessage } from "../../state/chat/model";
import { isInRoom } from "../../state/chat/rooms";
import { useApp } from "../app-context";
import { isDown } from "../connection/connection-status";
import { VirtualList } from "../list/virtual-list";
import { dictionary } from "../settings/preferences";
import { EmptyRoom } from "./empty-room";
import { type ConversationRow, headOf, isOutgoing, timeOf } from "./grouping";
import { watchMessages } from "./message/active-message";
import { MessageRow, OutgoingRow, Separators } from "./message-row";
import { seenUpTo } from "./unread";

// An own message keeps its key when it is stored, and so its position in the list.
const keyOf = (row: ConversationRow): string => row.clientId ?? (row as ShownMessage).id;

export function MessageList({ room }: { readonly room: string }) {
  const { store } = useApp();
  const { outbox, changes, me, users, connection } = store.chat.value;
  const { messages, loaded, isDelayed, hasOlder } = conversationOf(store.chat.value, room);
  const t = dictionary.value.chat;
  const rows = useMemo<readonly ConversationRow[]>(
    () => [
      // Replies are in their thread, unless they were sent to the room, too.
      ...withPending(messages, changes).filter(isInRoom),
      ...outbox.filter(item => item.room === room),
    ],
    [messages, changes, outbox, room],
  );
  const box = useRef<HTMLDivElement>(null);
  const hasRows = rows.length > 0;
  useEffect(() => (hasRows && box.current ? watchMessages(box.current) : undefined), [hasRows]);
  const loadOlder = useCallback(() => void store.loadOlder(room), [store, room]);
  const names = useMemo(
    () => new Map([...users, ...(me ? [me] : [])].map(user => [user.name.toLowerCase(), user.id])),
    [users, me],
  );
  if (!loaded && rows.length === 0) {
    const state = isDown(connection) ? t.notLoaded : isDelayed ? t.delayed : t.loading;
    return (
      <p class="placeholder" role="status">
        {me ? state : ""}
      </p>
    );
  }
  if (rows.length === 0) return <EmptyRoom room={room} />;
  return (
    <div ref={box} class="message-list">
      <VirtualList
        items={rows}
        keyOf={keyOf}
        estimate={44}
        label={t.messages}
        anchor="end"
        newRowsLabel={t.fresh}
        onNearStart={loadOlder}
        before={<p class="list-start">{isDelayed ? t.delayed : hasOlder ? t.loadingOlder : t.beginning}</p>}
        render={(row, index) => {
          const head = headOf(row, rows[index - 1], seenUpTo.value);
          return (
            <>
              <Separators head={head} at={timeOf(row)} />
              {isOutgoing(row) ? (
                <OutgoingRow item={row} isFirst={head.startsGroup} />
              ) : (
                <MessageRow
                  message={row}
                  own={row.user.id === me?.id}
                  isFirst={head.startsGroup}
                  former={(names.get(row.user.name.toLowerCase()) ?? row.user.id) !== row.user.id}
                />
              )}
            </>
          );
        }}
      />
    </div>
  );
}
