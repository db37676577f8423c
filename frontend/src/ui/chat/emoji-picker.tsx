import { useId, useState } from "preact/hooks";
import { Lazy } from "../lazy";
import { dictionary } from "../settings/preferences";

const loadPanel = () => import(/* webpackChunkName: "emoji-panel" */ "./emoji-panel");

/** A small emoji picker, in a popover that the browser closes. Its content is loaded when it is first opened. */
export function EmojiPicker({ onPick }: { readonly onPick: (emoji: string) => void }) {
  const [opened, setOpened] = useState(false);
  const panel = useId();
  // A thread has a composer beside that of the room.
  const anchor = `--emoji-${panel}`;
  const t = dictionary.value.chat;
  const pick = (emoji: string) => {
    document.getElementById(panel)?.hidePopover();
    onPick(emoji);
  };
  return (
    <>
      <button
        type="button"
        class="tool emoji-button"
        popovertarget={panel}
        style={{ anchorName: anchor }}
        aria-label={t.emoji}
        title={t.emoji}
      >
        <span class="icon icon-smile" aria-hidden="true" />
      </button>
      <div
        id={panel}
        style={{ positionAnchor: anchor }}
        class="emoji-panel"
        popover="auto"
        onBeforeToggle={event => setOpened(event.newState === "open")}
      >
        {opened && <Lazy load={loadPanel} props={{ onPick: pick }} />}
      </div>
    </>
  );
}
