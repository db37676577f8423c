import { useMemo, useState } from "preact/hooks";
import type { Person, Restriction } from "../../contract/generated";
import { comparable, sameName } from "../../text/typed";
import { useApp } from "../app-context";
import { RestrictionsButton } from "../chat/moderation/moderate-button";
import { hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { BotsPart } from "./bots-part";
import { InvitationsPart } from "./invitations-part";
import { InviteDialog } from "./invite-dialog";
import { peopleDictionary } from "./people-dictionary";
import { PersonRow } from "./person-row";
import { usePeople } from "./use-people";

/** How many people are shown at first: drawing thousands of rows takes time, and nobody reads them. */
const SHOWN_MAX = 200;

const FILTERS = ["all", "here", "restricted"] as const;
type Filter = (typeof FILTERS)[number];

const restrictionsOf = (person: Person, all: readonly Restriction[]): readonly Restriction[] =>
  all.filter(one => one.name !== undefined && sameName(one.name, person.name));

function matches(person: Person, filter: Filter, restrictions: readonly Restriction[]): boolean {
  switch (filter) {
    case "all":
      return true;
    case "here":
      return person.present;
    case "restricted":
      return restrictionsOf(person, restrictions).length > 0;
  }
}

/** The list of people, for those who manage them. */
function Directory() {
  const t = peopleDictionary.value;
  const found = usePeople();
  const [filter, setFilter] = useState<Filter>("all");
  const [wanted, setWanted] = useState("");
  const [isInviting, setIsInviting] = useState(false);
  const [isWhole, setIsWhole] = useState(false);
  const { people = [], invitations, restrictions } = found;
  const shown = useMemo(() => {
    const text = comparable(wanted.trim());
    return people.filter(
      one => matches(one, filter, restrictions) && (text === "" || comparable(one.name).includes(text)),
    );
  }, [people, restrictions, filter, wanted]);
  const counts = Object.fromEntries(
    FILTERS.map(one => [one, people.filter(person => matches(person, one, restrictions)).length]),
  );
  const rows = isWhole ? shown : shown.slice(0, SHOWN_MAX);
  return (
    <section class="people-view" aria-label={t.title}>
      <header class="people-head">
        <h1>{t.title}</h1>
        {found.people && (
          <fieldset class="people-filters">
            <legend class="visually-hidden">{t.show}</legend>
            {FILTERS.map(one => (
              <label key={one} class="people-filter">
                <input
                  class="visually-hidden"
                  type="radio"
                  name="people"
                  checked={filter === one}
                  onChange={() => setFilter(one)}
                />
                {t.filters[one](counts[one] ?? 0)}
              </label>
            ))}
          </fieldset>
        )}
        <input
          type="search"
          dir="auto"
          aria-label={t.find}
          placeholder={t.find}
          value={wanted}
          onInput={event => setWanted(event.currentTarget.value)}
        />
        <RestrictionsButton />
        <button type="button" class="button primary" onClick={() => setIsInviting(true)}>
          {t.invite}
        </button>
      </header>
      <div class="people-body">
        {found.problem && (
          <p class="problem" role="alert">
            {t.failed} {dictionary.value.error(found.problem)}
          </p>
        )}
        {rows.length > 0 ? (
          <table class="people-table">
            <thead>
              <tr>
                <th scope="col">{t.columns.person}</th>
                <th scope="col">{t.columns.role}</th>
                <th scope="col">{t.columns.seen}</th>
                <th scope="col">{t.columns.devices}</th>
                <th scope="col">{t.columns.state}</th>
                <td />
              </tr>
            </thead>
            <tbody>
              {rows.map(person => (
                <PersonRow
                  key={person.id ?? `token ${person.name}`}
                  person={person}
                  restrictions={restrictionsOf(person, restrictions)}
                  onSignOut={found.signOut}
                />
              ))}
            </tbody>
          </table>
        ) : (
          <p class="hint">
            {found.people ? (people.length === 0 ? t.empty : t.noMatch) : found.problem ? "" : t.loading}
          </p>
        )}
        {rows.length < shown.length && (
          <button type="button" class="button" onClick={() => setIsWhole(true)}>
            {t.more(shown.length)}
          </button>
        )}
        <InvitationsPart invitations={invitations} onWithdraw={found.withdraw} />
        <BotsPart showsOwner />
      </div>
      {isInviting && (
        <InviteDialog
          onMade={found.reload}
          onClose={() => {
            setIsInviting(false);
          }}
        />
      )}
    </section>
  );
}

/** Who is here, for everybody else. */
function PlainList() {
  const { store } = useApp();
  const t = peopleDictionary.value;
  const { users, me } = store.chat.value;
  return (
    <section class="people-view" aria-label={t.title}>
      <header class="people-head">
        <h1>{t.title}</h1>
      </header>
      <div class="people-body">
        <h2>{t.who}</h2>
        <ul class="people-plain">
          {users.map(user => (
            <li key={user.id}>
              <a href={hrefs.person(user.name)}>
                <bdi>{user.name}</bdi>
              </a>{" "}
              {user.id === me?.id && <span class="hint">{t.you}</span>}
            </li>
          ))}
        </ul>
        {users.length === 0 && <p class="hint">{t.empty}</p>}
        <p class="hint">{t.adminOnly}</p>
        <BotsPart />
      </div>
    </section>
  );
}

/** The page of people: all that an admin has to know and do about them, or for others who is here. */
export default function PeopleView() {
  const { store } = useApp();
  return store.access.view.value?.may.includes("manage_people") ? <Directory /> : <PlainList />;
}
