import type { User } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { sameName } from "../../text/typed";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { ModerateButton } from "../chat/moderation/moderate-button";
import { currentRoom, goTo, hrefs } from "../place";
import { useRoomAction } from "../rooms/use-action";
import { Sentence } from "../sentence";
import { activityDictionary } from "./activity-dictionary";
import { EntryRow } from "./entry-row";
import { NO_FILTERS } from "./filters";
import { useFeed } from "./use-feed";

const SHOWN_MAX = 8;

function Recent({ name }: { readonly name: string }) {
  const feed = useFeed({ ...NO_FILTERS, who: name }, true);
  const { entries, isLoading, hasFailed } = feed.state.value;
  const t = activityDictionary.value;
  return (
    <>
      <h2>{t.recent}</h2>
      {entries.slice(0, SHOWN_MAX).map(entry => (
        <EntryRow key={entry.key} entry={entry} />
      ))}
      {entries.length === 0 && (
        <p class="hint">{isLoading ? t.loading : hasFailed ? t.failedToLoad : t.empty}</p>
      )}
      <p>
        <a class="panel-more" href={hrefs.activity({ who: name })}>
          <Sentence text={t.all(name)} />
        </a>
      </p>
    </>
  );
}

/** Starts or opens the direct room with a person. */
function WriteButton({ user }: { readonly user: User }) {
  const action = useRoomAction();
  const t = activityDictionary.value;
  const write = async () => {
    const room = await action.run((api, token) => api.direct([user.id], token));
    if (room) goTo(hrefs.room(room.id));
  };
  return (
    <>
      <p>
        <button
          type="button"
          class="button small"
          disabled={action.isBusy}
          aria-label={unmarked(t.writeTo(user.name))}
          onClick={() => void write()}
        >
          {t.write}
        </button>
      </p>
      <p class="problem" role="alert">
        {action.problem?.text}
      </p>
    </>
  );
}

/** The right panel about a person: whether they are here, and what they did. */
export default function PersonPanel({ name }: { readonly name: string }) {
  const { store } = useApp();
  const user = store.chat.value.users.find(one => sameName(one.name, name));
  const t = activityDictionary.value;
  const isOwn = user !== undefined && user.id === store.chat.value.me?.id;
  const close = hrefs.room(currentRoom.value);
  return (
    <aside
      class="panel"
      aria-label={name}
      onKeyDown={event => {
        if (event.key === "Escape") goTo(close);
      }}
    >
      <header class="pane-head">
        <Avatar user={{ name }} />
        <h1>
          <bdi>{name}</bdi>
        </h1>
        {user && !isOwn && <ModerateButton user={user} />}
        <a class="tool panel-close" data-escape href={close} title={t.close}>
          <span class="icon icon-close" aria-hidden="true" />
          <span class="visually-hidden">{t.close}</span>
        </a>
      </header>
      <div class="panel-body">
        <p class="happening-presence">
          <span class="dot" data-state={user ? "running" : "stopped"} aria-hidden="true" />{" "}
          {user ? t.isHere : t.isAway}
        </p>
        {user && !isOwn && store.chat.value.me && <WriteButton user={user} />}
        {store.access.may("see_servers") && <Recent name={name} />}
      </div>
    </aside>
  );
}
