import type { FollowedThread, Message } from "../../../contract/generated";
import { unmarked } from "../../../i18n/isolate";
import { briefOf } from "../../../text/brief";
import { formatMessageTime } from "../../../text/format";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { roomLabel } from "../../rooms/room-label";
import { dictionary } from "../../settings/preferences";
import { Time } from "../../time";
import { messageDictionary } from "../message/message-dictionary";
import { useFollowed } from "./use-followed";

/** A message in one line. */
function Brief({ message }: { readonly message: Message }) {
  return (
    <p class="thread-brief">
      <bdi class="message-author">{message.user.name}</bdi>{" "}
      <Time at={message.timestamp} format={formatMessageTime} /> <span dir="auto">{briefOf(message)}</span>
    </p>
  );
}

/** A followed thread: its first message, its last reply, and what can be done with it. */
function ThreadItem({ root, last, unread: counted }: FollowedThread) {
  const { store, backend } = useApp();
  const { rooms, me, threads } = store.chat.value;
  const t = messageDictionary.value;
  const room = rooms.get(root.room);
  // What this page has counted since is newer.
  const unread = threads.byId.get(root.id)?.unread ?? counted;
  const author = root.user.name;
  const act = async (work: "read" | "unfollow") => {
    const api = await backend.messages();
    if (work === "read") await api.readThread(root.room, root.id, last.seq, store.token);
    else await api.follow(root.room, root.id, false, store.token);
  };
  // The list changes with the frame that follows; a failed attempt changes nothing, and can be repeated.
  const start = (work: "read" | "unfollow") => void act(work).catch(() => undefined);
  return (
    <li class={unread > 0 ? "thread-item unread" : "thread-item"}>
      <p class="thread-room">
        <a href={hrefs.room(root.room)}>{room ? roomLabel(room, me) : root.room}</a>
        {unread > 0 && <span class="badge">{t.unreadReplies(unread)}</span>}
      </p>
      <Brief message={root} />
      <p class="hint">
        {t.replies(root.replies?.replies ?? 1)} · {t.lastReply}
      </p>
      <Brief message={last} />
      <p class="thread-actions">
        <a
          class="button small"
          href={hrefs.thread(root.room, root.id)}
          aria-label={unmarked(t.openThread(author))}
        >
          {t.thread}
        </a>
        {unread > 0 && (
          <button
            type="button"
            class="button small"
            aria-label={unmarked(t.markReadOf(author))}
            onClick={() => start("read")}
          >
            {t.markRead}
          </button>
        )}
        <button
          type="button"
          class="button small"
          aria-label={unmarked(t.unfollowOf(author))}
          onClick={() => start("unfollow")}
        >
          {t.unfollow}
        </button>
      </p>
    </li>
  );
}

/** The threads that the user follows, in place of a room. */
export default function ThreadsView() {
  const { threads, failed, retry, loadMore } = useFollowed();
  const { chat } = dictionary.value;
  const t = messageDictionary.value;
  return (
    <div class="room threads-view">
      <header class="pane-head">
        <a class="tool back" href={hrefs.list} title={chat.toList}>
          <span class="icon icon-back" aria-hidden="true" />
          <span class="visually-hidden">{chat.toList}</span>
        </a>
        <h1 id="threads-title">{chat.threads}</h1>
      </header>
      {failed && (
        <p class="placeholder" role="alert">
          {t.threadsFailed}{" "}
          <button type="button" class="link-button" onClick={retry}>
            {t.again}
          </button>
        </p>
      )}
      {threads?.length === 0 && <p class="placeholder">{t.noThreads}</p>}
      {threads && threads.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
        <div class="threads-scroll" tabIndex={0} role="region" aria-labelledby="threads-title">
          <ul class="threads-list">
            {threads.map(one => (
              <ThreadItem key={one.root.id} {...one} />
            ))}
          </ul>
          {loadMore && (
            <button type="button" class="button" onClick={loadMore}>
              {t.moreThreads}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
