import { useState } from "preact/hooks";
import { Lazy } from "../lazy";
import { dictionary } from "../settings/preferences";

const loadPanel = () => import(/* webpackChunkName: "emoji-panel" */ "./emoji-panel");
const PANEL = "emoji";

/** A small emoji picker, in a popover that the browser closes. Its content is loaded when it is first opened. */
export function EmojiPicker({ onPick }: { readonly onPick: (emoji: string) => void }) {
  const [opened, setOpened] = useState(false);
  const t = dictionary.value.chat;
  const pick = (emoji: string) => {
    document.getElementById(PANEL)?.hidePopover();
    onPick(emoji);
  };
  return (
    <>
      <button
        type="button"
        class="tool emoji-button"
        popovertarget={PANEL}
        aria-label={t.emoji}
        title={t.emoji}
      >
        <span class="icon icon-smile" aria-hidden="true" />
      </button>
      <div
        id={PANEL}
        class="emoji-panel"
        popover="auto"
        onBeforeToggle={event => setOpened(event.newState === "open")}
      >
        {opened && <Lazy load={loadPanel} props={{ onPick: pick }} />}
      </div>
    </>
  );
}
