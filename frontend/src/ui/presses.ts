/** How long a button that moved under a resting pointer ignores clicks: longer than it takes to notice. */
const NOTICE_MS = 500;

const buttonAt = (target: EventTarget | null): Element | null =>
  target instanceof Element ? target.closest("button, a, summary") : null;

/**
 * Make one press one command on the whole page; returns a function that stops this.
 *
 * - A held Enter clicks a focused button, or submits a form, some 30 times a second. Only the first one counts.
 * - The second click of a double click that hits another button than the first is ignored.
 * - So is a click on a button that has just appeared under a mouse pointer that didn't move.
 */
export function guardPresses(root: Document, now: () => number = () => performance.now()): () => void {
  let [x, y] = [Number.NaN, Number.NaN];
  let hovered: Element | null = null;
  let arrivedAt = Number.NEGATIVE_INFINITY;
  let clicked: Element | null = null;

  const onPointer = (event: PointerEvent) => {
    if (event.pointerType === "touch" || event.pointerType === "pen") {
      // A finger or a pen doesn't rest: its next tap may well be at the same place, and is meant for what is there.
      [x, y, hovered, arrivedAt] = [Number.NaN, Number.NaN, null, Number.NEGATIVE_INFINITY];
      return;
    }
    const hasMoved = event.clientX !== x || event.clientY !== y;
    const button = buttonAt(event.target);
    // Browsers report what comes to lie under a resting pointer, at the same coordinates.
    if (hasMoved) arrivedAt = Number.NEGATIVE_INFINITY;
    else if (button !== hovered) arrivedAt = now();
    [x, y, hovered] = [event.clientX, event.clientY, button];
  };
  const onClick = (event: MouseEvent) => {
    // Keys and scripts click without a pointer.
    if (event.detail === 0) return;
    const button = buttonAt(event.target);
    if (event.clientX === x && event.clientY === y && button !== hovered) arrivedAt = now();
    const isFresh = button !== null && now() - arrivedAt < NOTICE_MS;
    const isStray = event.detail > 1 && button !== clicked;
    if (event.detail === 1) clicked = button;
    if (!isFresh && !isStray) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onKey = (event: KeyboardEvent) => {
    const isText = event.target instanceof Element && event.target.matches("textarea, [contenteditable]");
    if (event.repeat && event.key === "Enter" && !isText) event.preventDefault();
  };

  const listeners = [
    ["pointermove", onPointer],
    ["pointerover", onPointer],
    ["click", onClick],
    ["keydown", onKey],
  ] as const;
  for (const [type, listener] of listeners) root.addEventListener(type, listener as EventListener, true);
  return () => {
    for (const [type, listener] of listeners) root.removeEventListener(type, listener as EventListener, true);
  };
}
