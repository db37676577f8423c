import { useCallback, useMemo } from "preact/hooks";
import type { Outgoing, ShownMessage } from "../../state/chat/model";
import { WindowedList } from "../list/windowed-list";
import { words } from "../preferences";
import { useLive } from "../session-context";
import { MessageRow, OutgoingRow } from "./message-row";

type Row = ShownMessage | Outgoing;

const isOutgoing = (row: Row): row is Outgoing => "status" in row;

// A message of one's own keeps its key while it changes from sent to stored, and with it its place.
const keyOf = (row: Row): string => row.clientId ?? (row as ShownMessage).id;

export function MessageList() {
  const { session } = useLive();
  const { messages, outbox, me, loaded, hasOlder } = session.chat.value;
  const t = words.value.chat;
  const rows = useMemo<readonly Row[]>(() => [...messages, ...outbox], [messages, outbox]);
  const loadOlder = useCallback(() => void session.loadOlder(), [session]);
  if (!loaded && rows.length === 0) return <p class="placeholder">{me ? t.loading : ""}</p>;
  if (rows.length === 0) return <p class="placeholder">{t.empty}</p>;
  return (
    <WindowedList
      items={rows}
      keyOf={keyOf}
      estimate={76}
      label={t.messages}
      rest="end"
      sayNew={t.fresh}
      onNearStart={loadOlder}
      before={<p class="list-start">{hasOlder ? t.loadingOlder : t.beginning}</p>}
      render={row =>
        isOutgoing(row) ? (
          <OutgoingRow item={row} />
        ) : (
          <MessageRow message={row} own={row.user.id === me?.id} />
        )
      }
    />
  );
}
