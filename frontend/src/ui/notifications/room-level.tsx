import { useId, useState } from "preact/hooks";
import type { NotifyLevel, RoomLevel } from "../../contract/generated";
import { levelOf } from "../../state/chat/notifying";
import { useApp } from "../app-context";
import { notificationsDictionary } from "./notifications-dictionary";

const LEVELS: readonly NotifyLevel[] = ["all", "mentions", "nothing"];

interface RoomLevelProps {
  readonly room: string;
  readonly isDirect: boolean;
}

/** What the user is notified of in a room. Servers of earlier releases don't know. */
export function RoomLevelChoice({ room, isDirect }: RoomLevelProps) {
  const { backend, store } = useApp();
  const { notify, me } = store.chat.value;
  const [isBusy, setBusy] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  const id = useId();
  const t = notificationsDictionary.value;
  if (!notify || !me) return null;
  const usual = levelOf({ ...notify, rooms: {} }, room, isDirect);
  const choose = async (level: RoomLevel) => {
    setBusy(true);
    setFailed(false);
    try {
      await (await backend.notifications()).change({ rooms: { [room]: level } }, store.token);
    } catch {
      setFailed(true);
    }
    setBusy(false);
  };
  return (
    <p class="field room-level">
      <label for={id}>{t.inRoom}</label>
      <select
        id={id}
        value={notify.rooms[room] ?? "usual"}
        disabled={isBusy}
        onChange={event => void choose(event.currentTarget.value as RoomLevel)}
      >
        <option value="usual">{t.usual(usual)}</option>
        {LEVELS.map(level => (
          <option key={level} value={level}>
            {t.levels[level]}
          </option>
        ))}
      </select>
      {hasFailed && (
        <span class="problem" role="alert">
          {t.failed}
        </span>
      )}
    </p>
  );
}
