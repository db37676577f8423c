import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

const CONTROLS = "a[href], button, summary";

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

/** The element to focus after a key was pressed in `from`; undefined if the key keeps its usual meaning. */
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
 * Make the list in `ref` one tab stop. In it, the up and down arrows move between rows, and the left and right arrows
 * between the controls of a row. `ref` must have `tabIndex={0}` and its rows, `li`, `tabIndex={-1}`.
 */
export function useRovingFocus(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    // The focused element in the list; it is the tab stop as long as it has the focus.
    let held: HTMLElement | undefined;
    const hold = (element: HTMLElement | undefined) => {
      if (held) held.tabIndex = -1;
      held = element;
      if (held) held.tabIndex = 0;
      box.tabIndex = held ? -1 : 0;
    };
    // Rows come and go, and so do their controls, without this component being drawn again.
    const onChange = () => {
      for (const control of controlsOf(box)) if (control !== held) control.tabIndex = -1;
      if (!held || held.isConnected) return;
      hold(undefined);
      if (document.activeElement === document.body) box.focus({ preventScroll: true });
    };
    const onFocusIn = ({ target }: FocusEvent) => hold(target === box ? undefined : (target as HTMLElement));
    const onFocusOut = ({ relatedTarget }: FocusEvent) => {
      // Without a new target, the focused row may be about to be removed.
      if (relatedTarget && !box.contains(relatedTarget as Node)) hold(undefined);
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      const wanted = next(box, event.target as HTMLElement, event.key);
      if (!wanted) return;
      event.preventDefault();
      wanted.focus();
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
  }, [ref]);
}
