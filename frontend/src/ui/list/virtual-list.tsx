import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";
import { useRovingFocus } from "./roving-focus";
import { RowLayout } from "./row-layout";

/** How far beyond the visible area rows are rendered, so that scrolling doesn't outrun rendering. */
const OVERSCAN_PX = 400;
const AT_EDGE_PX = 24;

interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T) => string;
  readonly render: (item: T, index: number) => ComponentChildren;
  /** The estimated height of a row in pixels. */
  readonly estimate: number;
  readonly label: string;
  /** Where the list starts: at the end, for logs, or at the beginning. */
  readonly anchor: "start" | "end";
  /** The label of the button that counts new rows below the visible area. */
  readonly newRowsLabel?: (count: number) => string;
  readonly onNearStart?: () => void;
  readonly onNearEnd?: () => void;
  /** Shown above the first row. */
  readonly before?: ComponentChildren;
  /** Shown below the last row. */
  readonly after?: ComponentChildren;
}

/**
 * A virtual list: only rows near the visible area are in the document. It keeps the scroll position when rows are
 * inserted above, and follows the end only while it is scrolled to the end.
 */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const {
    items,
    keyOf,
    render,
    estimate,
    label,
    anchor,
    newRowsLabel,
    onNearStart,
    onNearEnd,
    before,
    after,
  } = props;
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useRef<HTMLUListElement>(null);
  const layout = useMemo(() => new RowLayout(estimate), [estimate]);
  // The position after the last scroll, which is restored after every change of the rows.
  const position = useRef({
    atEnd: anchor === "end",
    seen: "",
    key: "",
    offset: 0,
    viewport: 600,
    scroll: 0,
    top: 0,
  });

  const savePosition = useCallback(() => {
    const box = scroller.current;
    const list = rows.current;
    if (!box || !list) return;
    const scrolled = box.scrollTop - list.offsetTop;
    const row = layout.rowAt(scrolled);
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight <= AT_EDGE_PX;
    position.current = {
      atEnd: isAtEnd,
      seen: isAtEnd ? (layout.keyAt(layout.count - 1) ?? "") : position.current.seen,
      // At the top of a list that starts there, no row is anchored, so that rows inserted above are visible.
      key: anchor === "start" && box.scrollTop <= AT_EDGE_PX ? "" : (layout.keyAt(row) ?? ""),
      offset: scrolled - layout.top(row),
      viewport: box.clientHeight,
      scroll: scrolled,
      top: box.scrollTop,
    };
  }, [layout, anchor]);

  // The scroll event comes a frame after the scrolling. Rows that arrive in between must not reset the position, so
  // it is saved here, before the rows change.
  if (scroller.current && scroller.current.scrollTop !== position.current.top) savePosition();
  const keys = useMemo(() => items.map(keyOf), [items, keyOf]);
  layout.setKeys(keys);

  const { atEnd, scroll, viewport } = position.current;
  const from = atEnd && anchor === "end" ? layout.total - viewport : scroll;
  const first = layout.rowAt(from - OVERSCAN_PX);
  const last = layout.rowAt(from + viewport + OVERSCAN_PX);

  const scrollToEnd = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    box.scrollTop = box.scrollHeight;
    savePosition();
    redraw(0);
  }, [savePosition]);

  const reveal = useCallback(
    (index: number) => {
      const box = scroller.current;
      const list = rows.current;
      if (!box || !list) return;
      const top = list.offsetTop + layout.top(index);
      const bottom = list.offsetTop + layout.top(index + 1);
      if (top < box.scrollTop) box.scrollTop = top;
      else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
      savePosition();
      redraw(0);
    },
    [layout, savePosition],
  );
  useRovingFocus(scroller, reveal);

  // Runs after every rendering and before the browser paints: measure the rows, then restore the position.
  useLayoutEffect(() => {
    const box = scroller.current;
    const list = rows.current;
    if (!box || !list) return;
    const drawn = Array.from(list.children) as HTMLElement[];
    const moved = layout.measure(
      Number(drawn[0]?.dataset.index ?? 0),
      drawn.map(row => row.offsetHeight),
    );
    const saved = position.current;
    if (saved.atEnd && anchor === "end") {
      list.style.height = `${layout.total}px`;
      box.scrollTop = box.scrollHeight;
      saved.seen = layout.keyAt(layout.count - 1) ?? "";
    } else if (saved.key) {
      const index = layout.indexOf(saved.key);
      const wanted = layout.top(index) + saved.offset + list.offsetTop;
      if (index >= 0 && Math.abs(box.scrollTop - wanted) > 1) {
        list.style.height = `${layout.total}px`;
        box.scrollTop = wanted;
      }
    }
    saved.top = box.scrollTop;
    saved.scroll = box.scrollTop - list.offsetTop;
    if (moved) redraw(0);
  });

  // What a row loads later changes its height without this component being drawn.
  const watched = useRef<{ readonly observer: ResizeObserver; readonly rows: Set<Element> }>(undefined);
  useLayoutEffect(() => {
    watched.current ??= {
      observer: new ResizeObserver(entries => {
        const isOther = ({ target }: ResizeObserverEntry) => {
          const index = Number((target as HTMLElement).dataset.index);
          const height = (target as HTMLElement).offsetHeight;
          return target.isConnected && height !== layout.top(index + 1) - layout.top(index);
        };
        if (entries.some(isOther)) redraw(0);
      }),
      rows: new Set(),
    };
    const { observer, rows: known } = watched.current;
    const drawn = new Set<Element>(rows.current?.children ?? []);
    for (const row of known)
      if (!drawn.has(row)) {
        observer.unobserve(row);
        known.delete(row);
      }
    for (const row of drawn) {
      if (!known.has(row)) observer.observe(row);
      known.add(row);
    }
  });
  useEffect(() => () => watched.current?.observer.disconnect(), []);

  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    let width = box.clientWidth;
    const observer = new ResizeObserver(() => {
      if (box.clientWidth !== width) layout.reset();
      width = box.clientWidth;
      position.current.viewport = box.clientHeight;
      redraw(0);
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [layout]);

  const onScroll = () => {
    // A scroll event of our own scrolling may come after the list became smaller, and says nothing about the user.
    if (scroller.current?.scrollTop !== position.current.top) savePosition();
    if (position.current.scroll < viewport) onNearStart?.();
    if (position.current.scroll > layout.total - 2 * viewport) onNearEnd?.();
    redraw(0);
  };

  const seenAt = layout.indexOf(position.current.seen);
  const newCount = atEnd || seenAt < 0 ? 0 : items.length - 1 - seenAt;

  return (
    <div class="virtual-list">
      <div
        class="virtual-list-scroll"
        ref={scroller}
        onScroll={onScroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable areas must be reachable by keyboard
        tabIndex={0}
        role="group"
        aria-label={label}
      >
        {before}
        <ul ref={rows} class="virtual-list-rows" style={{ height: `${layout.total}px` }}>
          {items.slice(first, last + 1).map((item, offset) => (
            <li
              key={keys[first + offset]}
              class="virtual-list-row"
              tabIndex={-1}
              data-index={first + offset}
              aria-setsize={items.length}
              aria-posinset={first + offset + 1}
              style={{ transform: `translateY(${layout.top(first + offset)}px)` }}
            >
              {render(item, first + offset)}
            </li>
          ))}
        </ul>
        {after}
      </div>
      {newRowsLabel && newCount > 0 && (
        <button type="button" class="virtual-list-new" onClick={scrollToEnd}>
          {newRowsLabel(newCount)}
          <span class="icon icon-down" aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
