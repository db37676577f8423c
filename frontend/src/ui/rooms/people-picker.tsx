import { useId, useState } from "preact/hooks";
import type { User } from "../../contract/generated";
import { comparable } from "../../text/typed";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { dictionary } from "../settings/preferences";
import { roomsDictionary } from "./rooms-dictionary";

/** How many people are listed at most; a search finds the others. */
const SHOWN_MAX = 50;

interface PeoplePickerProps {
  readonly chosen: ReadonlySet<string>;
  readonly onChange: (chosen: ReadonlySet<string>) => void;
  readonly max: number;
  /** The ids of people who are not offered. */
  readonly without: ReadonlySet<string>;
  readonly problem: string;
}

/** Choose from the people who are here. */
export function PeoplePicker({ chosen, onChange, max, without, problem }: PeoplePickerProps) {
  const { store } = useApp();
  const { users, nextUsers } = store.chat.value;
  const [typed, setTyped] = useState("");
  const t = roomsDictionary.value;
  const [countId, problemId] = [useId(), useId()];
  const wanted = comparable(typed);
  const offered = users.filter(
    user => !without.has(user.id) && (chosen.has(user.id) || comparable(user.name).includes(wanted)),
  );
  const toggle = ({ id }: User) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChange(next);
  };
  return (
    <fieldset class="picker" aria-describedby={`${countId} ${problemId}`}>
      <legend class="visually-hidden">{t.people}</legend>
      <input
        type="search"
        aria-label={t.findPerson}
        placeholder={t.findPerson}
        value={typed}
        onInput={event => setTyped(event.currentTarget.value)}
        onKeyDown={event => {
          // Enter chooses the only one who is found, and does not confirm the form.
          if (event.key !== "Enter") return;
          event.preventDefault();
          const [only, other] = offered.filter(user => !chosen.has(user.id));
          if (!only || other || chosen.size >= max) return;
          toggle(only);
          setTyped("");
        }}
      />
      <ul class="picker-list">
        {offered.slice(0, SHOWN_MAX).map(user => (
          <li key={user.id}>
            <label class="check">
              <input
                type="checkbox"
                checked={chosen.has(user.id)}
                disabled={!chosen.has(user.id) && chosen.size >= max}
                onChange={() => toggle(user)}
              />
              <Avatar user={user} />
              <bdi>{user.name}</bdi>
            </label>
          </li>
        ))}
      </ul>
      {offered.length === 0 && <p class="hint">{t.nobody}</p>}
      {nextUsers !== undefined && (
        <button type="button" class="link-button" onClick={store.moreUsers}>
          {dictionary.value.chat.morePeople}
        </button>
      )}
      <p class="hint" id={countId} role="status">
        {t.chosen(chosen.size, max)}
      </p>
      <p class="problem" id={problemId} role="alert">
        {problem}
      </p>
    </fieldset>
  );
}
