import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Room } from "../../../contract/generated";
import { useApp } from "../../app-context";
import { Lazy } from "../../lazy";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { Composer } from "../composer";
import { headOf, isOutgoing, timeOf } from "../grouping";
import { watchMessages } from "../message/active-message";
import { messageDictionary } from "../message/message-dictionary";
import { MessageRow, OutgoingRow, Separators } from "../message-row";
import { FollowButton, useThreadReading } from "./follow-button";
import { type Thread, useThread } from "./use-thread";

/** The messages of a thread; at its end, unless the reader has scrolled up. */
function ThreadMessages({ root, replies, loadEarlier }: Thread) {
  const { me } = useApp().store.chat.value;
  const t = messageDictionary.value;
  const box = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => (box.current ? watchMessages(box.current) : undefined), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: follows the number of replies
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [replies.length]);
  if (!root) return null;
  return (
    <section
      ref={box}
      class="thread-messages"
      aria-label={dictionary.value.chat.messages}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it
      tabIndex={0}
      onScroll={({ currentTarget: one }) => {
        isAtEnd.current = one.scrollHeight - one.scrollTop - one.clientHeight < 24;
      }}
    >
      <ol>
        <li tabIndex={-1}>
          <MessageRow message={root} own={root.user.id === me?.id} isFirst former={false} isInThread />
        </li>
        <li class="thread-count">
          {replies.length > 0 ? t.replies(replies.length) : t.noReplies}
          {loadEarlier && (
            <button type="button" class="link-button" onClick={loadEarlier}>
              {t.earlierReplies}
            </button>
          )}
        </li>
        {replies.map((row, index) => {
          const head = headOf(row, replies[index - 1], undefined);
          return (
            <li key={row.clientId ?? ("id" in row ? row.id : "")} tabIndex={-1}>
              {index > 0 && <Separators head={head} at={timeOf(row)} />}
              {isOutgoing(row) ? (
                <OutgoingRow item={row} isFirst={head.startsGroup} />
              ) : (
                <MessageRow
                  message={row}
                  own={row.user.id === me?.id}
                  isFirst={head.startsGroup}
                  former={false}
                  isInThread
                />
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}

const loadIncident = () => import(/* webpackChunkName: "incidents" */ "../../incidents/incident-head");

/** The author of what the portal says itself, such as that an incident was closed. */
const PORTAL = "bot-opsroom";

/** Changes whenever the thread may have become an incident, or its incident has changed. */
function versionOf({ root, replies }: Thread): string {
  const said = replies.filter(one => "user" in one && one.user.id === PORTAL).length;
  return `${said} ${root?.card?.changedAt ?? ""}`;
}

interface ThreadPanelProps {
  readonly room: Room;
  /** The id of the message that the thread is about. */
  readonly id: string;
}

/** The right panel with a thread: its first message, the replies, and where one replies. */
export default function ThreadPanel({ room, id }: ThreadPanelProps) {
  const thread = useThread(room.id, id);
  const t = messageDictionary.value;
  const close = hrefs.room(room.id);
  const last = thread.replies.findLast(row => !isOutgoing(row));
  useThreadReading({ room: room.id, id }, last && "seq" in last ? last.seq : undefined);
  return (
    <aside
      class="panel thread"
      aria-label={t.thread}
      onKeyDown={event => {
        if (event.key === "Escape" && !event.defaultPrevented) goTo(close);
      }}
    >
      <header class="pane-head">
        <h1>{t.thread}</h1>
        <FollowButton room={room.id} id={id} />
        <a class="tool panel-close" data-escape href={close} title={t.closeThread}>
          <span class="icon icon-close" aria-hidden="true" />
          <span class="visually-hidden">{t.closeThread}</span>
        </a>
      </header>
      {thread.failed && !thread.root && (
        <p class="placeholder" role="alert">
          {t.threadFailed}{" "}
          <button type="button" class="link-button" onClick={thread.retry}>
            {t.again}
          </button>
        </p>
      )}
      {thread.root && (
        <Lazy load={loadIncident} props={{ id, version: versionOf(thread), isArchived: room.archived }} />
      )}
      <ThreadMessages {...thread} />
      {thread.root && !thread.root.removed && !room.archived && <Composer room={room.id} thread={id} />}
    </aside>
  );
}
