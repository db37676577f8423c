import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

export interface MenuItem {
  readonly key: string;
  readonly text: string;
  readonly disabled?: boolean;
  readonly isDangerous?: boolean;
  readonly run: () => void;
}

interface MenuProps {
  readonly items: readonly MenuItem[];
  /** The button that opened it, which gets the focus afterwards. */
  readonly anchor: HTMLElement;
  readonly label: string;
  readonly onClose: () => void;
}

const itemsIn = (menu: HTMLElement): HTMLElement[] => [
  ...menu.querySelectorAll<HTMLElement>("[role=menuitem]"),
];

/** The next item whose text begins with a letter. */
function indexByLetter(items: readonly HTMLElement[], at: number, key: string): number | undefined {
  const letter = key.toLocaleLowerCase();
  const order = items.map((_, index) => (at + 1 + index) % items.length);
  return order.find(index => items[index]?.textContent?.trim().toLocaleLowerCase().startsWith(letter));
}

/** Place the menu at its button: below it, or above it if there is no room. */
function placeAt(menu: HTMLElement, anchor: HTMLElement): void {
  const { top, bottom, right } = anchor.getBoundingClientRect();
  const { offsetHeight, offsetWidth } = menu;
  const isBelow = bottom + offsetHeight <= innerHeight || top < offsetHeight;
  menu.style.left = `${Math.max(4, right - offsetWidth)}px`;
  menu.style.top = `${Math.max(4, isBelow ? Math.min(bottom, innerHeight - offsetHeight - 4) : top - offsetHeight)}px`;
}

/** A menu at a button. Arrow keys move in it; Escape, Tab and a click elsewhere close it. */
export function Menu({ items, anchor, label, onClose }: MenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = menu.current;
    if (!element) return;
    element.showPopover?.();
    placeAt(element, anchor);
    itemsIn(element)[0]?.focus();
  }, [anchor]);
  useEffect(() => {
    // What scrolls moves the button away from the menu; a log that is followed elsewhere doesn't.
    const onScroll = (event: Event) => {
      if ((event.target as Node).contains(anchor)) onClose();
    };
    addEventListener("scroll", onScroll, true);
    addEventListener("resize", onClose);
    return () => {
      removeEventListener("scroll", onScroll, true);
      removeEventListener("resize", onClose);
    };
  }, [anchor, onClose]);
  const close = () => {
    anchor.focus();
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = menu.current ? itemsIn(menu.current) : [];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next: Readonly<Record<string, number>> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const index = next[event.key] ?? indexByLetter(all, at, event.key);
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (index !== undefined) all[index]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={menu}
      class="menu"
      popover="auto"
      role="menu"
      tabIndex={-1}
      aria-label={label}
      onKeyDown={onKeyDown}
      onToggle={event => {
        if (event.newState === "closed") onClose();
      }}
    >
      {items.map(({ key, text, disabled = false, isDangerous, run }) => (
        <button
          key={key}
          type="button"
          role="menuitem"
          class={isDangerous ? "menu-item danger" : "menu-item"}
          tabIndex={-1}
          aria-disabled={disabled}
          onClick={() => {
            if (disabled) return;
            close();
            run();
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
