import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Instance } from "../../contract/generated";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { isComposing } from "../composition";
import { goTo, hrefs } from "../place";
import { RoomIcon } from "../rooms/room-icon";
import { dictionary } from "../settings/preferences";
import { settingsOpen } from "../settings/settings-state";
import { dialogOpen, typedAhead } from "../shortcuts";
import { type Findable, find, indexOf } from "./find";
import { MessageResult } from "./message-result";
import { searchDictionary } from "./search-dictionary";
import { useMessageSearch } from "./use-message-search";
import { useFindableRooms } from "./use-rooms";

const RESULTS_MAX = 30;
/** How many places, people and servers are above the messages. */
const NAMED_MAX = 8;
/** How many of each kind are offered before anything is typed. */
const OFFERED_MAX = 5;

/** What a server is called: its name, if it has one. */
const nameOf = (server: Instance & { readonly name?: string }): string => server.name ?? server.id;

function usePlaces(): readonly Findable[] {
  const { nav, settings, shortcuts } = dictionary.value;
  const to = (key: string, name: string, href: string): Findable => ({
    ...{ key, kind: "place", name },
    open: () => goTo(href),
  });
  return [
    to("servers", nav.cloud, hrefs.servers),
    to("activity", nav.activity, hrefs.activity()),
    to("status", nav.status, hrefs.status),
    {
      ...{ key: "settings", kind: "place", name: settings.title },
      open: () => {
        settingsOpen.value = true;
      },
    },
    {
      ...{ key: "keys", kind: "place", name: shortcuts.title },
      open: () => {
        dialogOpen.value = "shortcuts";
      },
    },
  ];
}

/** What can be found: places, rooms, people and servers. */
function useFindables() {
  const { store } = useApp();
  const { users } = store.chat.value;
  const { instances } = store.cloud.value;
  const places = usePlaces();
  const people = useMemo(
    () =>
      users.map(
        ({ id, name }): Findable => ({ key: id, kind: "person", name, open: () => goTo(hrefs.person(name)) }),
      ),
    [users],
  );
  const servers = useMemo(
    () =>
      [...instances.values()].map(
        (server): Findable => ({
          ...{ key: server.id, kind: "server", name: nameOf(server), also: server.id },
          open: () => goTo(hrefs.server(nameOf(server))),
        }),
      ),
    [instances],
  );
  const rooms = useFindableRooms();
  const indexedRooms = useMemo(() => indexOf(rooms), [rooms]);
  const all = useMemo(() => indexOf([...people, ...servers]), [people, servers]);
  const some = [rooms, people, servers].flatMap(kind => kind.slice(0, OFFERED_MAX));
  return { all, places, rooms: indexedRooms, offered: [...places, ...some] };
}

function ResultIcon({ item }: { readonly item: Findable }) {
  const { me } = useApp().store.chat.value;
  if (item.kind === "person") return <Avatar user={item} />;
  if (item.hit) return <Avatar user={item.hit.message.user} />;
  if (item.room) return <RoomIcon state={item.room} me={me} />;
  const icon = item.kind === "server" ? "cloud" : item.kind === "activity" ? "activity" : "search";
  return <span class={`icon icon-${item.key === "servers" ? "cloud" : icon}`} aria-hidden="true" />;
}

/** The search: what is typed finds places, servers and people, and leads to them. */
export default function SearchDialog({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [ahead] = useState(() => typedAhead.peek());
  const [typed, setTyped] = useState(ahead.replaceAll("\n", ""));
  const [chosen, setChosen] = useState(0);
  const id = useId();
  const t = searchDictionary.value;
  const { all, places, rooms, offered } = useFindables();
  const text = typed.trim();
  const found = useMessageSearch(typed);
  const messages = found.hits.map(
    (hit): Findable => ({
      ...{ key: hit.message.id, kind: "message", name: hit.message.text, hit },
      open: () => goTo(hrefs.message(hit.message.room, hit.message.seq)),
    }),
  );
  // A sign at the beginning means rooms alone.
  const named = text.startsWith("#") ? rooms : [...indexOf(places), ...rooms, ...all];
  const results: readonly Findable[] = text
    ? [
        ...find(named, text.replace(/^#/, ""), messages.length > 0 ? NAMED_MAX : RESULTS_MAX),
        ...messages,
        {
          ...{ key: "text", kind: "activity", name: t.inActivity(text) },
          open: () => goTo(hrefs.activity({ q: text })),
        },
      ]
    : offered;
  const at = Math.min(chosen, results.length - 1);

  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  useEffect(() => {
    document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [id, at]);

  const open = (item: Findable | undefined) => {
    if (!item) return;
    onClose();
    item.open();
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once
  useEffect(() => {
    typedAhead.value = "";
    // Enter was pressed before this was there.
    if (ahead.endsWith("\n")) open(results[0]);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) setChosen((at + step + results.length) % results.length);
    else if (event.key === "Enter") open(results[at]);
    else return;
    event.preventDefault();
  };

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it with keys
    <dialog
      ref={dialog}
      class="palette"
      aria-label={t.label}
      onCancel={event => {
        event.preventDefault();
        onClose();
      }}
      onClick={event => {
        // Beside the dialog, which fills its element.
        if (event.target === dialog.current) onClose();
      }}
    >
      <input
        type="text"
        role="combobox"
        autoFocus
        dir="auto"
        spellcheck={false}
        autocomplete="off"
        aria-label={dictionary.value.search.open}
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={`${id}-${at}`}
        aria-autocomplete="list"
        placeholder={dictionary.value.search.open}
        value={typed}
        onInput={event => {
          setTyped(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={id} class="palette-list" role="listbox" aria-label={t.results}>
        {results.map((item, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={`${item.kind} ${item.key}`}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onPointerMove={() => setChosen(index)}
            onClick={() => open(item)}
          >
            <ResultIcon item={item} />
            {item.hit ? <MessageResult hit={item.hit} /> : <bdi class="palette-name">{item.name}</bdi>}
            <span class="palette-kind">{t.kinds[item.kind]}</span>
          </div>
        ))}
      </div>
      <p class="palette-hint hint" role="status">
        {found.problem ? t.problem(found.problem) : found.isIncomplete ? t.incomplete : t.hint}
        {found.text !== undefined && <span class="visually-hidden"> {t.found(found.hits.length)}</span>}
      </p>
    </dialog>
  );
}
