import { useLayoutEffect, useRef } from "preact/hooks";
import EmojiPanel from "../emoji-panel";

interface ReactionPickerProps {
  /** The button that opened it. */
  readonly anchor: HTMLElement;
  readonly onPick: (emoji: string) => void;
  readonly onClose: () => void;
}

/** Place the panel above its button, or below it if there is no room; within the window in any case. */
function placeAt(panel: HTMLElement, anchor: HTMLElement): void {
  const { top, bottom, right } = anchor.getBoundingClientRect();
  const { offsetHeight, offsetWidth } = panel;
  const above = top - offsetHeight - 4;
  const below = Math.min(bottom + 4, innerHeight - offsetHeight - 4);
  panel.style.left = `${Math.max(4, Math.min(right - offsetWidth, innerWidth - offsetWidth - 4))}px`;
  panel.style.top = `${Math.max(4, above >= 4 ? above : below)}px`;
}

/** Emoji to react with, in a panel that the browser closes. */
export function ReactionPicker({ anchor, onPick, onClose }: ReactionPickerProps) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = panel.current;
    if (!element) return;
    element.showPopover?.();
    placeAt(element, anchor);
    element.querySelector<HTMLElement>("input")?.focus();
  }, [anchor]);
  return (
    <div
      ref={panel}
      class="emoji-panel at-message"
      popover="auto"
      onToggle={event => {
        if (event.newState === "closed") onClose();
      }}
    >
      <EmojiPanel
        onPick={emoji => {
          onPick(emoji);
          anchor.focus();
          onClose();
        }}
      />
    </div>
  );
}
