import { sameName } from "../../text/typed";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { ModerateButton } from "../chat/moderation/moderate-button";
import { currentRoom, goTo, hrefs } from "../place";
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
        {store.access.may("see_servers") && <Recent name={name} />}
      </div>
    </aside>
  );
}
