import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

const CONTROLS = 'a[href], button, summary, input[type="checkbox"]';

const controlsOf = (box: Element): HTMLElement[] => [...box.querySelectorAll<HTMLElement>(CONTROLS)];

const rowsOf = (box: Element): HTMLElement[] => [...box.querySelectorAll<HTMLElement>("li")];

/** The row to begin with: the first visible one, or for `-1` the last. */
function firstRow(box: Element, step: number): HTMLElement | undefined {
  const { top, bottom } = box.getBoundingClientRect();
  const visible = rowsOf(box).filter(row => {
    const place = row.getBoundingClientRect();
    return place.bottom > top + 1 && place.top < bottom - 1;
  });
  return visible.at(step > 0 ? 0 : -1);
}

/** Where a row is in a list of which only some rows are drawn. */
interface Place {
  readonly index: number;
  readonly count: number;
}

function placeOf(row: Element | null): Place | undefined {
  const [index, count] = [row?.getAttribute("aria-posinset"), row?.getAttribute("aria-setsize")];
  return index && count ? { index: Number(index) - 1, count: Number(count) } : undefined;
}

/** The element to focus after a key was pressed in `from`; undefined if there is none, or it isn't drawn. */
function next(box: Element, from: HTMLElement, key: string): HTMLElement | undefined {
  const row = from.closest("li");
  const step = key === "ArrowDown" || key === "ArrowRight" ? 1 : -1;
  if (key === "ArrowDown" || key === "ArrowUp") {
    if (!row) return firstRow(box, step);
    const rows = rowsOf(box);
    return rows[rows.indexOf(row) + step];
  }
  if (!row || (key !== "ArrowLeft" && key !== "ArrowRight")) return undefined;
  const controls = [row, ...controlsOf(row)];
  return controls[Math.max(0, controls.indexOf(from) + step)];
}

/**
 * Make the list in `ref` one tab stop. In it, the up and down arrows, or J and K, move between rows, and the left and right arrows
 * between the controls of a row. `ref` must have `tabIndex={0}` and its rows, `li`, `tabIndex={-1}`.
 *
 * A list that draws only some of its rows passes `reveal`, which draws the row with an index, and sets `aria-posinset`
 * and `aria-setsize` on its rows. Keys that are pressed before the row is drawn count from it.
 */
export function useRovingFocus(ref: RefObject<HTMLElement | null>, reveal?: (index: number) => void): void {
  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    // The focused element in the list; it is the tab stop as long as it has the focus.
    let held: HTMLElement | undefined;
    // The row to be focused as soon as it is drawn.
    let awaited: Place | undefined;
    const hold = (element: HTMLElement | undefined) => {
      if (held) held.tabIndex = -1;
      held = element;
      if (held) held.tabIndex = 0;
      box.tabIndex = held ? -1 : 0;
    };
    const focusAwaited = () => {
      if (!awaited) return;
      box.querySelector<HTMLElement>(`li[aria-posinset="${awaited.index + 1}"]`)?.focus();
    };
    // Rows come and go, and so do their controls, without this component being drawn again.
    const onChange = () => {
      for (const control of controlsOf(box)) if (control !== held) control.tabIndex = -1;
      focusAwaited();
      if (!held || held.isConnected) return;
      hold(undefined);
      if (document.activeElement === document.body) box.focus({ preventScroll: true });
    };
    const onFocusIn = ({ target }: FocusEvent) => {
      if (target !== box) awaited = undefined;
      hold(target === box ? undefined : (target as HTMLElement));
    };
    const onFocusOut = ({ relatedTarget }: FocusEvent) => {
      // Without a new target, the focused row may be about to be removed.
      if (!relatedTarget || box.contains(relatedTarget as Node)) return;
      awaited = undefined;
      hold(undefined);
    };
    /** Go to the row before or after `from`, which isn't drawn; returns whether there is one. */
    const goToHiddenRow = (from: HTMLElement, key: string): boolean => {
      const place = awaited ?? placeOf(from.closest("li"));
      const index = (place?.index ?? 0) + (key === "ArrowDown" ? 1 : -1);
      if (!reveal || !place || index < 0 || index >= place.count) return awaited !== undefined;
      awaited = { index, count: place.count };
      reveal(index);
      focusAwaited();
      return true;
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const from = event.target as HTMLElement;
      if (from.matches("input:not([type=checkbox]), select, textarea")) return;
      // J and K are where they are on any keyboard's layout.
      const key = event.code === "KeyJ" ? "ArrowDown" : event.code === "KeyK" ? "ArrowUp" : event.key;
      const isVertical = key === "ArrowDown" || key === "ArrowUp";
      const wanted = awaited && isVertical ? undefined : next(box, from, key);
      if (wanted) wanted.focus();
      else if (!isVertical || !goToHiddenRow(from, key)) return;
      event.preventDefault();
    };
    onChange();
    const observer = new MutationObserver(onChange);
    observer.observe(box, { childList: true, subtree: true });
    box.addEventListener("focusin", onFocusIn);
    box.addEventListener("focusout", onFocusOut);
    box.addEventListener("keydown", onKeyDown);
    return () => {
      observer.disconnect();
      box.removeEventListener("focusin", onFocusIn);
      box.removeEventListener("focusout", onFocusOut);
      box.removeEventListener("keydown", onKeyDown);
    };
  }, [ref, reveal]);
}
