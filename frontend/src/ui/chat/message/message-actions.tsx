import { useEffect, useRef, useState } from "preact/hooks";
import type { ShownRow } from "../../../state/chat/message-changes";
import { withQuote } from "../../../text/composing/formatting";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { copyText } from "../../clipboard";
import { Menu, type MenuItem } from "../../menu";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { moderationTarget, useMayModerate } from "../moderation/moderate-button";
import { draftEdit, editing, isHeld, menuRequest } from "./active-message";
import { DeleteDialog } from "./delete-dialog";
import { messageDictionary } from "./message-dictionary";
import { ReactionPicker } from "./reaction-picker";

/** The address of a message, as a link has it. */
const linkTo = ({ room, seq }: ShownRow): string =>
  `${location.href.replace(/#.*/, "")}${hrefs.message(room, seq)}`;

/** The address of the thread that a message is in, or would begin. */
const threadOf = ({ room, id, thread }: ShownRow): string => hrefs.thread(room, thread ?? id);

interface ActionsProps {
  readonly message: ShownRow;
  readonly own: boolean;
  /** Whether it is shown in its thread. */
  readonly isInThread: boolean;
}

interface Choices {
  readonly onDelete: () => void;
  readonly onReact: () => void;
}

function useItems(
  { message, own, isInThread }: ActionsProps,
  { onDelete, onReact }: Choices,
): readonly MenuItem[] {
  const { store } = useApp();
  const t = messageDictionary.value;
  const { copied } = dictionary.value.cloud;
  const mayModerate = useMayModerate();
  const { id, room, user, text, pinned = false } = message;
  const copy = async (what: string) => {
    await copyText(what);
    announce(copied);
  };
  const change: MenuItem = {
    key: "edit",
    text: t.edit,
    run: () => {
      editing.value = { id, text };
    },
  };
  const quote: MenuItem = {
    key: "quote",
    text: t.quote,
    run: () => {
      draftEdit.value = draft => withQuote(draft, text);
    },
  };
  const moderate: MenuItem = {
    key: "moderate",
    text: t.moderate,
    isDangerous: true,
    run: () => {
      moderationTarget.value = { user, message };
    },
  };
  return [
    { key: "react", text: t.react, run: onReact },
    ...(isInThread ? [] : [{ key: "reply", text: t.reply, run: () => goTo(threadOf(message)) }]),
    ...(own ? [change] : []),
    // A message may have files alone.
    ...(text ? [quote, { key: "copy", text: t.copyText, run: () => void copy(text) }] : []),
    { key: "link", text: t.copyLink, run: () => void copy(linkTo(message)) },
    {
      key: "pin",
      text: pinned ? t.unpin : t.pin,
      run: () => store.change(room, id, { kind: "pin", on: !pinned }),
    },
    ...(own ? [{ key: "delete", text: t.delete, isDangerous: true, run: onDelete }] : []),
    ...(mayModerate && !own ? [moderate] : []),
  ];
}

type Opened = "menu" | "emoji" | "delete" | undefined;

/** What can be done with a message: a button for reactions, and a menu with the rest. */
export default function MessageActions(props: ActionsProps) {
  const { store } = useApp();
  const { message, isInThread } = props;
  const { id, room } = message;
  const [opened, setOpened] = useState<Opened>();
  const more = useRef<HTMLButtonElement>(null);
  const smile = useRef<HTMLButtonElement>(null);
  const t = messageDictionary.value;
  const isAsked = menuRequest.value === id;
  useEffect(() => {
    if (!isAsked) return;
    menuRequest.value = undefined;
    setOpened("menu");
  }, [isAsked]);
  useEffect(() => {
    isHeld.value = opened !== undefined;
    return () => {
      isHeld.value = false;
    };
  }, [opened]);
  const close = () => setOpened(undefined);
  const items = useItems(props, { onDelete: () => setOpened("delete"), onReact: () => setOpened("emoji") });
  return (
    <div class="message-actions">
      <button
        ref={smile}
        type="button"
        class="tool"
        aria-label={t.react}
        title={t.react}
        onClick={() => setOpened("emoji")}
      >
        <span class="icon icon-smile" aria-hidden="true" />
      </button>
      {!isInThread && (
        <a class="tool" href={threadOf(message)} title={t.reply}>
          <span class="icon icon-reply" aria-hidden="true" />
          <span class="visually-hidden">{t.reply}</span>
        </a>
      )}
      <button
        ref={more}
        type="button"
        class="tool"
        aria-label={t.more}
        title={t.more}
        aria-haspopup="menu"
        aria-expanded={opened === "menu"}
        onClick={() => setOpened("menu")}
      >
        <span class="icon icon-more" aria-hidden="true" />
      </button>
      {opened === "menu" && more.current && (
        <Menu
          items={items}
          anchor={more.current}
          label={t.more}
          // Another choice may have opened something else by now.
          onClose={() => setOpened(now => (now === "menu" ? undefined : now))}
        />
      )}
      {opened === "emoji" && smile.current && (
        <ReactionPicker
          anchor={smile.current}
          onClose={close}
          onPick={emoji => store.change(room, id, { kind: "react", emoji, on: true })}
        />
      )}
      {opened === "delete" && (
        <DeleteDialog
          text={message.text}
          onClose={close}
          onDelete={() => store.change(room, id, { kind: "delete" })}
        />
      )}
    </div>
  );
}
