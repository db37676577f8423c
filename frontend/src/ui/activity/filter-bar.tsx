import { useEffect, useId, useState } from "preact/hooks";
import { dayKey } from "../../text/format";
import { sameName } from "../../text/typed";
import { useApp } from "../app-context";
import { goTo, hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { activityDictionary } from "./activity-dictionary";
import { AUDIT_KINDS, EVENT_KINDS, type Filters, NO_FILTERS } from "./filters";

/** How long to wait for the next key before the address follows what was typed. */
const TYPING_MS = 250;
const PERIODS = ["today", "yesterday", "week"] as const;

interface FilterBarProps {
  readonly filters: Filters;
  /** The names of those who did something that is shown. */
  readonly actors: readonly string[];
  readonly hasAudit: boolean;
}

const go = (filters: Filters, replace = false) => goTo(hrefs.activity({ ...filters }), { replace });

/** The field that finds a text: the address follows with a delay, so that "back" doesn't take back keys. */
function TextFilter({ filters }: { readonly filters: Filters }) {
  const [typed, setTyped] = useState(filters.q);
  const t = activityDictionary.value;
  useEffect(() => setTyped(filters.q), [filters.q]);
  useEffect(() => {
    if (typed === filters.q) return;
    const timer = setTimeout(() => go({ ...filters, q: typed }, true), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, filters]);
  return (
    <input
      type="search"
      dir="auto"
      aria-label={t.search}
      placeholder={t.search}
      value={typed}
      onInput={event => setTyped(event.currentTarget.value)}
    />
  );
}

function WhoFilter({ filters, actors }: Pick<FilterBarProps, "filters" | "actors">) {
  const { users } = useApp().store.chat.value;
  const listId = useId();
  const t = activityDictionary.value;
  const names = [...new Set([...users.map(user => user.name), ...actors])].sort((a, b) => a.localeCompare(b));
  return (
    <>
      <input
        type="text"
        dir="auto"
        list={listId}
        aria-label={t.who}
        placeholder={t.anyone}
        value={filters.who}
        onChange={event => {
          const typed = event.currentTarget.value.trim();
          go({ ...filters, who: names.find(name => sameName(name, typed)) ?? typed });
        }}
      />
      <datalist id={listId}>
        {names.map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function WhatFilter({ filters, hasAudit }: Pick<FilterBarProps, "filters" | "hasAudit">) {
  const t = activityDictionary.value;
  const { kinds } = dictionary.value.worklog;
  return (
    <select
      aria-label={t.what}
      value={filters.what}
      onChange={event => go({ ...filters, what: event.currentTarget.value as Filters["what"] })}
    >
      <option value="">{t.anything}</option>
      <optgroup label={t.serverEvents}>
        {EVENT_KINDS.map(kind => (
          <option key={kind} value={kind}>
            {kinds[kind]}
          </option>
        ))}
      </optgroup>
      {hasAudit && (
        <optgroup label={t.adminEvents}>
          {AUDIT_KINDS.map(kind => (
            <option key={kind} value={kind}>
              {t[kind]}
            </option>
          ))}
        </optgroup>
      )}
    </select>
  );
}

function WhenFilter({ filters }: { readonly filters: Filters }) {
  const t = activityDictionary.value;
  const isDay = /^\d/.test(filters.when);
  return (
    <>
      <select
        aria-label={t.when}
        value={isDay ? "day" : filters.when}
        onChange={event => {
          const chosen = event.currentTarget.value;
          go({ ...filters, when: chosen === "day" ? dayKey(Date.now()) : chosen });
        }}
      >
        <option value="">{t.anyTime}</option>
        {PERIODS.map(period => (
          <option key={period} value={period}>
            {t[period]}
          </option>
        ))}
        <option value="day">{t.onDay}</option>
      </select>
      {isDay && (
        <input
          type="date"
          required
          aria-label={t.day}
          value={filters.when}
          max={dayKey(Date.now())}
          onChange={event => {
            if (event.currentTarget.value) go({ ...filters, when: event.currentTarget.value });
          }}
        />
      )}
    </>
  );
}

/** The filters of the activity. They are in its address, so that a link keeps them. */
export function FilterBar({ filters, actors, hasAudit }: FilterBarProps) {
  const t = activityDictionary.value;
  const isFiltered = Object.values(filters).some(Boolean);
  return (
    <search class="activity-filters" aria-label={t.filters}>
      <TextFilter filters={filters} />
      <WhoFilter filters={filters} actors={actors} />
      <WhatFilter filters={filters} hasAudit={hasAudit} />
      <WhenFilter filters={filters} />
      {isFiltered && (
        <button type="button" class="link-button" onClick={() => go(NO_FILTERS)}>
          {t.clear}
        </button>
      )}
    </search>
  );
}
