import { useEffect } from "preact/hooks";
import { isFollowed } from "../../../state/chat/threads";
import { useApp } from "../../app-context";
import { messageDictionary } from "../message/message-dictionary";

/** The shortest interval between two marks of what was read. */
const MARK_INTERVAL_MS = 1_000;

interface ThreadProps {
  readonly room: string;
  /** The id of the message that the thread is about. */
  readonly id: string;
}

/** Follows the thread, or stops following it. */
export function FollowButton({ room, id }: ThreadProps) {
  const { store, backend } = useApp();
  const t = messageDictionary.value;
  const following = isFollowed(store.chat.value, id);
  const toggle = async () => {
    const api = await backend.messages();
    await api.follow(room, id, !following, store.token);
  };
  return (
    <button
      type="button"
      class="button small thread-follow"
      title={following ? undefined : t.followHint}
      onClick={() => void toggle().catch(() => undefined)}
    >
      {following ? t.unfollow : t.follow}
    </button>
  );
}

/** Mark a thread as read up to `seq`, the place of its last reply, while it is before the user's eyes. */
export function useThreadReading({ room, id }: ThreadProps, seq: number | undefined): void {
  const { store, backend } = useApp();
  const { threads, connection } = store.chat.value;
  const known = threads.byId.get(id);
  const isUnread = known?.following === true && seq !== undefined && seq > known.read;
  const isLive = connection.phase === "live";
  useEffect(() => {
    if (!isUnread || !isLive || seq === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const mark = async () => {
      const api = await backend.messages();
      await api.readThread(room, id, seq, store.token);
    };
    const follow = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(() => void mark().catch(() => undefined), MARK_INTERVAL_MS);
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", follow);
    };
  }, [backend, store, room, id, seq, isUnread, isLive]);
}
