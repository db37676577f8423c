import { useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { TEXT_MAX } from "../../contract/generated";
import { conversationOf } from "../../state/chat/messages";
import { formatMessageTime } from "../../text/format";
import { isBlank, lengthOf } from "../../text/typed";
import { useApp } from "../app-context";
import { isComposing } from "../composition";
import { Lazy } from "../lazy";
import { roomLabel } from "../rooms/room-label";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { dialogOpen, typedAhead } from "../shortcuts";
import { submit } from "./chat-commands";
import { commandsDictionary } from "./commands-dictionary";
import { botCommands } from "./composing/bot-commands";
import { draftOf } from "./draft";
import { EmojiPicker } from "./emoji-picker";
import { attachmentsOf } from "./files/kept-attachments";
import { useDrop } from "./files/use-drop";
import { mayDo } from "./may-do";
import { draftEdit, editing } from "./message/active-message";
import { useMute } from "./use-mute";

/** The interval of typing notices; receivers show each for five seconds. */
const TYPING_INTERVAL_MS = 2_500;
const WARN_BELOW = 200;

const loadTray = () => import(/* webpackChunkName: "attachments" */ "./files/attachment-tray");
const loadAttach = () => import(/* webpackChunkName: "attachments" */ "./files/attach-button");
const loadTools = () => import(/* webpackChunkName: "composing" */ "./composing/composing-tools");

/** Open the search with what to search for. */
function search(query: string): void {
  typedAhead.value = query;
  dialogOpen.value = "search";
}

const isTouch = (): boolean => matchMedia("(hover: none) and (pointer: coarse)").matches;

interface ComposerProps {
  readonly room: string;
  /** In a thread, the id of its first message. */
  readonly thread?: string;
}

export function Composer({ room, thread }: ComposerProps) {
  const app = useApp();
  const { store, scope } = app;
  const { me } = store.chat.value;
  // A draft belongs to the user who typed it, and to a room; the component is mounted again for another one.
  const name = me?.name;
  const draft = useMemo(
    () =>
      name === undefined
        ? undefined
        : draftOf(scope, name, thread === undefined ? room : `${room}/${thread}`),
    [scope, name, room, thread],
  );
  const [text, setText] = useState(() => draft?.read() ?? "");
  const [broadcast, setBroadcast] = useState(false);
  const [note, setNote] = useState<string>();
  const field = useRef<HTMLTextAreaElement>(null);
  /** The field, once it has had the focus: what helps to write is loaded then. */
  const [used, setUsed] = useState<HTMLTextAreaElement>();
  const typedAt = useRef(Number.NEGATIVE_INFINITY);
  const t = dictionary.value.chat;
  const label = thread === undefined ? t.placeholder : t.replyPlaceholder;
  const state = store.chat.value.rooms.get(room);
  const place = state && t.writeTo(roomLabel(state, me), state.room.kind === "direct");
  const muted = useMute();
  const attachments = useMemo(
    () => attachmentsOf(app, { user: me?.id, room, thread }),
    [app, me?.id, room, thread],
  );
  const mayAttach = me !== undefined && muted === undefined;
  const attach = useCallback(
    (files: readonly File[]) => {
      if (mayAttach) attachments.add(files);
    },
    [mayAttach, attachments],
  );
  // Of two fields, that of the room takes what is dropped.
  const isDropping = useDrop(thread === undefined ? attach : undefined);
  const hasFiles = attachments.list.value.length > 0;
  const isUploading = !attachments.isReady.value;
  const left = TEXT_MAX - lengthOf(text.trim());

  useEffect(() => draft?.write(text), [text, draft]);
  useEffect(() => {
    if (!hasFiles) return;
    // Files are lost with the tab, so the browser asks first.
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [hasFiles]);

  useSignalEffect(() => {
    const edit = draftEdit.value;
    if (!edit || thread !== undefined) return;
    draftEdit.value = undefined;
    setText(edit);
    field.current?.focus();
  });

  /** Edit the last own message, if there is one; returns whether there is. */
  const editLast = (): boolean => {
    const { messages } = conversationOf(store.chat.peek(), room);
    const last = messages.findLast(
      one => one.user.id === me?.id && !one.removed && (thread === undefined || one.thread === thread),
    );
    if (last) editing.value = { id: last.id, text: last.text };
    return last !== undefined;
  };

  useEffect(() => {
    if (!me) return;
    field.current?.focus();
    // In a short window, the focus alone shows only the line of the caret.
    field.current?.closest("form")?.scrollIntoView({ block: "nearest" });
  }, [me]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    const form = area.closest("form");
    // Hold the height of the form meanwhile: if the list above grew for a moment, it would no longer be at its end.
    if (form) form.style.minHeight = `${form.offsetHeight}px`;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
    if (form) form.style.minHeight = "";
  }, [text]);

  const send = () => {
    if ((isBlank(text) && !hasFiles) || isUploading || left < 0 || !me || muted) return;
    if (attachments.refresh()) return;
    const {
      done,
      note: said,
      position,
    } = submit(text, {
      ...{ t, words: commandsDictionary.value, people: store.chat.value.users, hasFiles, search },
      bots: botCommands.value,
      may: action => mayDo(store, action),
      send: message => {
        const reply = thread === undefined ? {} : { thread, broadcast };
        const files = attachments.take();
        store.send(message, room, { ...reply, ...(files.length > 0 ? { files } : {}) });
        setBroadcast(false);
      },
      leave: store.leave,
    });
    setNote(said);
    if (done) setText("");
    // A message ends the typing notice for others, so the next key press sends a new one.
    typedAt.current = Number.NEGATIVE_INFINITY;
    field.current?.focus();
    if (position === undefined) return;
    const at = text.length - text.trimStart().length + position;
    field.current?.setSelectionRange(at, at);
  };

  const type = (value: string) => {
    setText(value);
    setNote(undefined);
    const now = performance.now();
    if (isBlank(value) || now - typedAt.current < TYPING_INTERVAL_MS) return;
    typedAt.current = now;
    store.typing(room);
  };

  const insert = (emoji: string) => {
    const area = field.current;
    if (!area) return;
    area.setRangeText(emoji, area.selectionStart, area.selectionEnd, "end");
    type(area.value);
    area.focus();
  };

  return (
    <form
      class={isDropping ? "composer drop-target" : "composer"}
      onSubmit={event => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        aria-label={label}
        title={isTouch() ? t.touchHint : t.hint}
        enterkeyhint={isTouch() ? "enter" : "send"}
        placeholder={thread === undefined && place ? place : label}
        value={text}
        onPaste={event => {
          const { files = [], types = [] } = event.clipboardData ?? {};
          // What is copied from a document has a picture of the text, too.
          if (files.length === 0 || types.includes("text/plain")) return;
          event.preventDefault();
          attach([...files]);
        }}
        onFocus={event => {
          setUsed(event.currentTarget);
          attachments.refresh();
        }}
        onInput={event => type(event.currentTarget.value)}
        onKeyDown={event => {
          if (event.key === "ArrowUp" && !text && !event.repeat && editLast()) event.preventDefault();
          if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
          // Keyboards on a screen have no Shift+Enter: there, Enter breaks the line and the button sends.
          if (isTouch() && !event.ctrlKey && !event.metaKey) return;
          event.preventDefault();
          // A held key is one press.
          if (!event.repeat) send();
        }}
      />
      <button
        type="submit"
        class="button primary send"
        aria-label={t.send}
        title={t.send}
        disabled={left < 0 || muted !== undefined || isUploading}
      >
        <span class="icon icon-send" aria-hidden="true" />
      </button>
      {(hasFiles || attachments.hasTooMany.value) && <Lazy load={loadTray} props={{ attachments }} />}
      <div class="composer-tools">
        <EmojiPicker onPick={insert} />
        {mayAttach && <Lazy load={loadAttach} props={{ onFiles: attach }} />}
        {used && <Lazy load={loadTools} props={{ area: used }} />}
        {thread === undefined && <span class="composer-hint">{t.hint}</span>}
      </div>
      {thread !== undefined && (
        <label class="check broadcast">
          <input
            type="checkbox"
            checked={broadcast}
            onChange={event => setBroadcast(event.currentTarget.checked)}
          />
          {t.broadcast}
        </label>
      )}
      <p class="composer-note" role="status">
        {note && <Sentence text={note} />}
      </p>
      {muted && (
        <p class="composer-limit problem" role="status">
          <Sentence text={t.mutedUntil(muted.until && formatMessageTime(muted.until), muted.reason)} />
        </p>
      )}
      {left < WARN_BELOW && (
        <p class={left < 0 ? "composer-limit problem" : "composer-limit"} role="status">
          {left < 0 ? t.tooLong(-left) : t.left(left)}
        </p>
      )}
    </form>
  );
}
