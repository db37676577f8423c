import { useEffect, useId, useMemo, useState } from "preact/hooks";
import { conversationOf } from "../../../state/chat/messages";
import { type Mark, toggleMark } from "../../../text/composing/formatting";
import type { Emoji } from "../../../text/emoji";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { currentRoom } from "../../place";
import { dictionary } from "../../settings/preferences";
import { offeredCommands } from "../chat-commands";
import { commandsDictionary } from "../commands-dictionary";
import { mayDo } from "../may-do";
import { messageDictionary } from "../message/message-dictionary";
import { botCommands } from "./bot-commands";
import type { Sources } from "./candidates";
import { replaceText } from "./replace-text";
import { useBotCommands } from "./use-bot-commands";
import { useCompletion } from "./use-completion";
import { useTemplates } from "./use-templates";

/** Among how many of the last messages authors are suggested. */
const AUTHORS_OF = 200;

/** The keys of the marks, by their place on the keyboard: they work with any layout. */
const MARK_KEYS: Readonly<Record<string, Mark>> = { KeyB: "**", KeyI: "_", KeyE: "`" };

function format(area: HTMLTextAreaElement, mark: Mark): void {
  const { value: text, selectionStart: start, selectionEnd: end } = area;
  replaceText(area, toggleMark({ text, start, end }, mark));
}

/** Formats with the keys of the marks and Ctrl, or Command. */
function useMarkKeys(area: HTMLTextAreaElement): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const mark = MARK_KEYS[event.code];
      if (!mark || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
      event.preventDefault();
      format(area, mark);
    };
    area.addEventListener("keydown", onKeyDown);
    return () => area.removeEventListener("keydown", onKeyDown);
  }, [area]);
}

type FindEmoji = (query: string, limit: number) => readonly Emoji[];

/** The commands that the user may give, and what their arguments can be. */
function useCommandSources(area: HTMLTextAreaElement): Pick<Sources, "commands" | "arguments"> {
  const { store } = useApp();
  const t = dictionary.value.chat;
  const words = commandsDictionary.value;
  const { instances } = store.cloud.value;
  const view = store.access.view.value;
  const hasName = store.chat.value.me !== undefined;
  const templates = useTemplates(area);
  useBotCommands(area);
  const bots = botCommands.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what the user may do follows from the view and the name
  return useMemo(() => {
    const commands = offeredCommands({ t, words, bots, may: action => mayDo(store, action) });
    const specs = commands.flatMap(one => one.spec ?? []);
    return {
      commands,
      arguments: { kinds: words.kinds, specs, servers: [...instances.values()], templates },
    };
  }, [store, t, words, bots, instances, view, hasName, templates]);
}

function useSources(area: HTMLTextAreaElement): Sources {
  const state = useApp().store.chat.value;
  const { users, me } = state;
  const { messages } = conversationOf(state, currentRoom.value);
  const [findEmoji, setFindEmoji] = useState<FindEmoji>();
  const commands = useCommandSources(area);
  const { everybodyIn, everybodyHere } = messageDictionary.value;
  useEffect(() => {
    import(/* webpackChunkName: "emoji" */ "../../../text/emoji").then(
      module => setFindEmoji(() => module.findEmoji),
      // Without it, emoji are not completed.
      () => undefined,
    );
  }, []);
  return useMemo(() => {
    // Who is here, and who has written lately.
    const people = [...users, ...messages.slice(-AUTHORS_OF).map(one => one.user)];
    const names = people.filter(user => user.id !== me?.id).map(user => user.name);
    return {
      names: [...new Set(names)],
      groups: { room: everybodyIn, here: everybodyHere },
      ...commands,
      findEmoji,
    };
  }, [users, messages, me, commands, everybodyIn, everybodyHere, findEmoji]);
}

/** Describe the list to a screen reader: the focus stays in the field. */
function useDescribedList(area: HTMLTextAreaElement, list: string, count: number, active: string): void {
  useEffect(() => {
    area.setAttribute("aria-autocomplete", "list");
    area.setAttribute("aria-haspopup", "listbox");
    return () => {
      for (const name of ["autocomplete", "haspopup"]) area.removeAttribute(`aria-${name}`);
    };
  }, [area]);
  useEffect(() => {
    if (count === 0) return;
    area.setAttribute("aria-controls", list);
    area.setAttribute("aria-activedescendant", active);
    return () => {
      for (const name of ["controls", "activedescendant"]) area.removeAttribute(`aria-${name}`);
    };
  }, [area, list, count, active]);
  useEffect(() => {
    if (count > 0) announce(messageDictionary.peek().suggestions(count));
  }, [count]);
}

interface ComposingToolsProps {
  /** The field of the composer. */
  readonly area: HTMLTextAreaElement;
}

/** What helps to write: completion of names, emoji and commands, and buttons and keys for marks. */
export default function ComposingTools({ area }: ComposingToolsProps) {
  const t = messageDictionary.value;
  const { candidates, chosen, accept } = useCompletion(area, useSources(area));
  const list = useId();
  useMarkKeys(area);
  useDescribedList(area, list, candidates.length, `${list}-${chosen}`);
  const mention = () => {
    const { value, selectionStart: at } = area;
    const sign = at === 0 || /\s$/.test(value.slice(0, at)) ? "@" : " @";
    const end = at + sign.length;
    replaceText(area, { text: value.slice(0, at) + sign + value.slice(at), start: end, end });
  };
  const buttons = [
    { icon: "bold", label: t.bold, run: () => format(area, "**") },
    { icon: "italic", label: t.italic, run: () => format(area, "_") },
    { icon: "code", label: t.code, run: () => format(area, "`") },
    { icon: "mention", label: t.mention, run: mention },
  ];
  return (
    <>
      {buttons.map(({ icon, label, run }) => (
        <button
          key={icon}
          type="button"
          class="tool format-button"
          aria-label={label}
          title={label}
          onClick={run}
        >
          <span class={`icon icon-${icon}`} aria-hidden="true" />
        </button>
      ))}
      {candidates.length > 0 && (
        <div id={list} class="completions" role="listbox" aria-label={t.completions}>
          {candidates.map((candidate, index) => (
            <button
              key={candidate.key}
              type="button"
              tabIndex={-1}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === chosen}
              // The field keeps the focus.
              onPointerDown={event => event.preventDefault()}
              onClick={() => accept(candidate)}
            >
              <bdi class={candidate.label.startsWith("/") ? "command" : undefined}>{candidate.label}</bdi>{" "}
              <span class="hint">{candidate.detail}</span>
            </button>
          ))}
        </div>
      )}
    </>
  );
}
