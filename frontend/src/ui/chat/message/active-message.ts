import { signal } from "@preact/signals";

/** The id of the message that is pointed at or has the focus: it shows what can be done with it. */
export const activeMessage = signal<string | undefined>(undefined);

/** The id of the message whose menu was asked for by a key or a long press. */
export const menuRequest = signal<string | undefined>(undefined);

/** Set while something is open that belongs to the active message: it stays active. */
export const isHeld = signal(false);

/** The message that is being edited, and its text so far: rows come and go while the list scrolls. */
export const editing = signal<{ readonly id: string; readonly text: string } | undefined>(undefined);

/** How to change what is in the composer; set by what adds to it. */
export const draftEdit = signal<((text: string) => string) | undefined>(undefined);

const LONG_PRESS_MS = 500;
/** How far a finger may move during a long press. */
const STEADY_PX = 10;

/** The id of the message that an element is in, or that the focused row has. */
function messageOf(target: EventTarget | null): string | undefined {
  if (!(target instanceof Element)) return undefined;
  const own = target.closest<HTMLElement>("[data-message]");
  const inner = own ?? (target.matches("li") ? target.querySelector<HTMLElement>("[data-message]") : null);
  return inner?.dataset.message;
}

function activate(id: string | undefined): void {
  if (!isHeld.peek()) activeMessage.value = id;
}

function requestMenu(id: string): void {
  isHeld.value = false;
  activeMessage.value = id;
  menuRequest.value = id;
}

interface Press {
  readonly id: string;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly x: number;
  readonly y: number;
  isLong: boolean;
}

/** Follow which message of a list is active; returns a function that stops this. */
export function watchMessages(list: HTMLElement): () => void {
  let press: Press | undefined;
  const endPress = () => {
    clearTimeout(press?.timer);
    press = undefined;
  };
  /** A menu that opened before the finger is lifted would be closed by that. */
  const release = () => {
    const { isLong, id } = press ?? {};
    endPress();
    if (isLong && id !== undefined) setTimeout(() => requestMenu(id));
  };
  const onPointerOver = ({ target, pointerType }: PointerEvent) => {
    if (pointerType === "mouse") activate(messageOf(target));
  };
  const onPointerDown = ({ target, pointerType, clientX, clientY }: PointerEvent) => {
    endPress();
    const id = messageOf(target);
    const isControl = target instanceof Element && target.closest("a, button, textarea, pre") !== null;
    if (pointerType === "mouse" || id === undefined || isControl) return;
    const started: Press = {
      ...{ id, x: clientX, y: clientY, isLong: false },
      timer: setTimeout(() => {
        started.isLong = true;
        activate(id);
      }, LONG_PRESS_MS),
    };
    press = started;
  };
  const onPointerMove = ({ clientX, clientY }: PointerEvent) => {
    if (press && !press.isLong && Math.hypot(clientX - press.x, clientY - press.y) > STEADY_PX) endPress();
  };
  const onFocusIn = ({ target }: FocusEvent) => activate(messageOf(target));
  const onKeyDown = (event: KeyboardEvent) => {
    const id = messageOf(event.target);
    const isMenuKey = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    const isRow = event.target instanceof Element && event.target.matches("li");
    if (id === undefined || (!isMenuKey && !(isRow && event.key === "Enter"))) return;
    event.preventDefault();
    requestMenu(id);
  };
  /** A long press of a finger is ours, not the browser's. */
  const onContextMenu = (event: Event) => {
    if (press) event.preventDefault();
  };
  const leave = () => activate(undefined);
  const listeners = [
    ["pointerover", onPointerOver],
    ["pointerleave", leave],
    ["pointerdown", onPointerDown],
    ["pointermove", onPointerMove],
    ["pointerup", release],
    ["pointercancel", release],
    ["focusin", onFocusIn],
    ["keydown", onKeyDown],
    ["contextmenu", onContextMenu],
  ] as const;
  for (const [type, listener] of listeners) list.addEventListener(type, listener as EventListener);
  return () => {
    endPress();
    for (const [type, listener] of listeners) list.removeEventListener(type, listener as EventListener);
  };
}
