import { useState } from "preact/hooks";
import type { RoomView } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { comparable } from "../../text/typed";
import { useApp } from "../app-context";
import { Dialog } from "../dialog";
import { goTo, hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { roomsDictionary } from "./rooms-dictionary";
import { useRoomAction } from "./use-action";
import { useRoomList } from "./use-room-list";

/** How many rooms are listed at most; a search finds the others. */
const SHOWN_MAX = 100;

interface RowProps {
  readonly view: RoomView;
  readonly isIn: boolean;
  readonly onOpen: () => void;
  readonly onJoin: () => void;
}

function Row({ view, isIn, onOpen, onJoin }: RowProps) {
  const t = roomsDictionary.value;
  const { name = "", description, archived } = view.room;
  return (
    <li class="browse-room">
      <div class="browse-words">
        <p>
          <b>
            # <bdi>{name}</bdi>
          </b>{" "}
          <span class="hint">
            {view.members !== undefined && t.members(view.members)}
            {archived && ` · ${t.archived}`}
          </span>
        </p>
        {description && (
          <p class="hint" dir="auto">
            {description}
          </p>
        )}
      </div>
      {isIn ? (
        <button type="button" class="button small" aria-label={unmarked(t.openOf(name))} onClick={onOpen}>
          {t.open}
        </button>
      ) : (
        !archived && (
          <button
            type="button"
            class="button small primary"
            aria-label={unmarked(t.joinOf(name))}
            onClick={onJoin}
          >
            {t.join}
          </button>
        )
      )}
    </li>
  );
}

/** The public rooms: those that the user may join, and those they are in. */
export function BrowseDialog({ onClose }: { readonly onClose: () => void }) {
  const { store } = useApp();
  const own = store.chat.value.rooms;
  const { rooms, problem, load } = useRoomList();
  const action = useRoomAction();
  const [typed, setTyped] = useState("");
  const t = roomsDictionary.value;
  const open = (id: string) => {
    onClose();
    goTo(hrefs.room(id));
  };
  const join = async (id: string) => {
    const done = await action.run(async (api, token) => {
      await api.join(id, token);
      return true;
    });
    if (done) open(id);
  };
  const wanted = comparable(typed);
  const public_ = rooms?.filter(({ room }) => room.kind === "public");
  const found = public_
    ?.filter(({ room }) => comparable(`${room.name} ${room.description ?? ""}`).includes(wanted))
    .sort((a, b) => comparable(a.room.name ?? "").localeCompare(comparable(b.room.name ?? "")));
  const failed = problem ?? action.problem?.text;
  return (
    <Dialog title={t.browse} onClose={onClose}>
      <div class="form server-form">
        <input
          type="search"
          autoFocus
          aria-label={t.find}
          placeholder={t.find}
          value={typed}
          onInput={event => setTyped(event.currentTarget.value)}
        />
        <ul class="browse-list" aria-label={t.browse}>
          {found?.slice(0, SHOWN_MAX).map(view => (
            <Row
              key={view.room.id}
              view={view}
              isIn={own.has(view.room.id)}
              onOpen={() => open(view.room.id)}
              onJoin={() => void join(view.room.id)}
            />
          ))}
        </ul>
        <p class="hint" role="status">
          {found === undefined
            ? !failed && t.loading
            : found.length === 0 && (public_?.length ? t.noMatch : t.noRooms)}
        </p>
        <p class="problem" role="alert">
          {failed}
        </p>
        <div class="dialog-actions">
          {problem && (
            <button type="button" class="button" onClick={() => void load()}>
              {t.again}
            </button>
          )}
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
