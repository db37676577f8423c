import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** The keys of the first and the last marked row. */
export interface MarkedRows {
  readonly from: number;
  readonly to: number;
}

/** The rows in `box` that the selection of the document touches. */
function marksIn(box: HTMLElement): MarkedRows | undefined {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !box.contains(selection.anchorNode)) return undefined;
  const range = selection.getRangeAt(0);
  const keys = [...box.querySelectorAll<HTMLElement>("[data-key]")]
    .filter(row => range.intersectsNode(row))
    .map(row => Number(row.dataset.key));
  return keys.length > 0 ? { from: Math.min(...keys), to: Math.max(...keys) } : undefined;
}

/**
 * The rows of a log whose text is selected; undefined: none. `onMark` is called when there are some: the log must not
 * move away from what is being selected.
 */
export function useMarkedRows(
  box: RefObject<HTMLElement | null>,
  onMark: () => void,
): ReadonlySignal<MarkedRows | undefined> {
  const marked = useSignal<MarkedRows | undefined>(undefined);
  useEffect(() => {
    const onChange = () => {
      const now = box.current ? marksIn(box.current) : undefined;
      const before = marked.peek();
      if (now?.from === before?.from && now?.to === before?.to) return;
      marked.value = now;
      if (now) onMark();
    };
    document.addEventListener("selectionchange", onChange);
    return () => document.removeEventListener("selectionchange", onChange);
  }, [box, marked, onMark]);
  return marked;
}
