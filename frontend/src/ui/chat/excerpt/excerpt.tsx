import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { withPending } from "../../../state/chat/message-changes";
import { conversationOf } from "../../../state/chat/messages";
import { useApp } from "../../app-context";
import { hrefs } from "../../place";
import { searchDictionary } from "../../search/search-dictionary";
import { dictionary } from "../../settings/preferences";
import { headOf } from "../grouping";
import { watchMessages } from "../message/active-message";
import { MessageRow, Separators } from "../message-row";
import { useExcerpt } from "./use-excerpt";

/** What a reader does to look elsewhere. */
const LOOKS_ELSEWHERE = ["wheel", "touchstart", "pointerdown", "keydown"] as const;

/**
 * Keep an item of a list in the middle while the list grows around it, as images and reactions are loaded, until the
 * reader looks elsewhere. Returns a function that ends it.
 */
function holdInView(item: HTMLElement): () => void {
  const show = () => item.scrollIntoView({ block: "center" });
  show();
  const observer = new ResizeObserver(show);
  const list = item.parentElement;
  if (list) observer.observe(list);
  const stop = () => observer.disconnect();
  for (const event of LOOKS_ELSEWHERE) addEventListener(event, stop, { once: true, passive: true });
  return () => {
    stop();
    for (const event of LOOKS_ELSEWHERE) removeEventListener(event, stop);
  };
}

interface ExcerptProps {
  readonly room: string;
  /** The place of the message that is shown among others. */
  readonly seq: number;
}

/** A message that a link or the search leads to, among the messages around it. It may be far from the latest ones. */
export default function Excerpt({ room, seq }: ExcerptProps) {
  const { store } = useApp();
  const { me, changes } = store.chat.value;
  const { messages, failed, retry } = useExcerpt(room, seq);
  const loaded = conversationOf(store.chat.value, room).messages;
  const t = searchDictionary.value.excerpt;
  const target = useRef<HTMLLIElement>(null);
  // Those that the page follows anyway are shown as they are now.
  const rows = useMemo(() => {
    const current = new Map(loaded.map(one => [one.id, one]));
    return (
      messages &&
      withPending(
        messages.map(one => current.get(one.id) ?? one),
        changes,
      )
    );
  }, [messages, loaded, changes]);
  const list = useRef<HTMLElement>(null);
  useEffect(() => (list.current ? watchMessages(list.current) : undefined), []);
  const isThere = rows?.some(one => one.seq === seq) ?? true;
  const isLoaded = rows !== undefined;
  useLayoutEffect(() => {
    if (!isLoaded) return;
    target.current?.focus({ preventScroll: true });
    return target.current ? holdInView(target.current) : undefined;
  }, [isLoaded]);
  return (
    <div class="excerpt">
      {failed && (
        <p class="placeholder" role="alert">
          {t.failed}{" "}
          <button type="button" class="link-button" onClick={retry}>
            {t.again}
          </button>
        </p>
      )}
      {!isThere && (
        <p class="notice" role="status">
          {t.gone}
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and keys must reach it */}
      <section ref={list} class="excerpt-scroll" tabIndex={0} aria-label={dictionary.value.chat.messages}>
        <ol>
          {rows?.map((row, index) => {
            const head = headOf(row, rows[index - 1], undefined);
            const isTarget = row.seq === seq;
            return (
              <li
                key={row.id}
                {...(isTarget
                  ? { ref: target, tabIndex: -1, "aria-current": "true", class: "excerpt-target" }
                  : {})}
              >
                <Separators head={head} at={row.timestamp} />
                <MessageRow
                  message={row}
                  own={row.user.id === me?.id}
                  isFirst={head.startsGroup || isTarget}
                  former={false}
                />
              </li>
            );
          })}
        </ol>
      </section>
      <p class="excerpt-end">
        <a class="button" href={hrefs.room(room)}>
          {t.latest}
        </a>
      </p>
    </div>
  );
}
