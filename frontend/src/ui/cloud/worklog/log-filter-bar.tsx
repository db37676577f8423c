import { useEffect, useState } from "preact/hooks";
import type { Instance } from "../../../contract/generated";
import type { WorklogKind } from "../../../state/cloud/model";
import { daysAgo } from "../../../text/days";
import { serverOf, type WorklogEntry } from "../../../text/worklog-entries";
import { useApp } from "../../app-context";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { serversDictionary } from "../servers/servers-dictionary";
import type { LogFilters } from "./log-address";

/** The most servers or people in a menu; others are found by the search. */
const MENU_MAX = 200;
/** How long to wait for the next key before the address follows what was typed. */
const TYPING_MS = 250;

interface FilterBarProps {
  readonly filters: LogFilters;
  readonly entries: readonly WorklogEntry[];
}

interface FilterProps {
  readonly filters: LogFilters;
}

const go = (filters: LogFilters, replace = false) => goTo(hrefs.worklog({ ...filters }), { replace });

/** The field that finds a text: the address follows with a delay, so that "back" doesn't take back keys. */
function TextFilter({ filters }: FilterProps) {
  const [typed, setTyped] = useState(filters.q);
  const t = serversDictionary.value.worklog;
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
      class="log-search"
      aria-label={t.search}
      placeholder={t.search}
      value={typed}
      onInput={event => setTyped(event.currentTarget.value)}
    />
  );
}

/** The servers that the entries name, latest first, as the address names them: by name as long as they exist. */
function serversOf(
  entries: readonly WorklogEntry[],
  instances: ReadonlyMap<string, Instance>,
): ReadonlyMap<string, string> {
  const servers = new Map<string, string>();
  for (const entry of entries.toReversed()) {
    const id = entry.lines[0]?.instanceId;
    if (!id || servers.size >= MENU_MAX) continue;
    const name = instances.get(id)?.name;
    const ref = name ?? id;
    if (!servers.has(ref)) servers.set(ref, name ?? serverOf(entry) ?? id);
  }
  return servers;
}

function ServerFilter({ filters, entries }: FilterBarProps) {
  const { instances } = useApp().store.cloud.value;
  const t = serversDictionary.value.worklog;
  const servers = serversOf(entries, instances);
  const { server } = filters;
  return (
    <select
      aria-label={t.instance}
      value={server}
      onChange={event => go({ ...filters, server: event.currentTarget.value })}
    >
      <option value="">{t.allInstances}</option>
      {server && !servers.has(server) && (
        <option value={server}>{instances.get(server)?.name ?? server}</option>
      )}
      {[...servers].map(([ref, name]) => (
        <option key={ref} value={ref}>
          {name}
        </option>
      ))}
    </select>
  );
}

function KindFilter({ filters }: FilterProps) {
  const t = serversDictionary.value.worklog;
  return (
    <select
      aria-label={t.kind}
      value={filters.what}
      onChange={event => go({ ...filters, what: event.currentTarget.value as WorklogKind | "" })}
    >
      <option value="">{t.allKinds}</option>
      {Object.entries(dictionary.value.worklog.kinds).map(([one, label]) => (
        <option key={one} value={one}>
          {label}
        </option>
      ))}
    </select>
  );
}

function PersonFilter({ filters, entries }: FilterBarProps) {
  const { users } = useApp().store.chat.value;
  const words = serversDictionary.value.log;
  const named = new Set(filters.who ? [filters.who] : []);
  for (const { lines } of entries.toReversed()) for (const { actor } of lines) if (actor) named.add(actor);
  for (const { name } of users) named.add(name);
  return (
    <select
      aria-label={words.person}
      value={filters.who}
      onChange={event => go({ ...filters, who: event.currentTarget.value })}
    >
      <option value="">{words.anyone}</option>
      {[...named].slice(0, MENU_MAX).map(one => (
        <option key={one} value={one}>
          {dictionary.value.cloud.by(one)}
        </option>
      ))}
    </select>
  );
}

/** The periods of the menu: their first and last day. */
const PERIODS = {
  today: () => ({ from: daysAgo(0), to: "" }),
  yesterday: () => ({ from: daysAgo(1), to: daysAgo(1) }),
  week: () => ({ from: daysAgo(6), to: "" }),
};
type Period = keyof typeof PERIODS;

const periodOf = ({ from, to }: LogFilters): Period | undefined =>
  (Object.keys(PERIODS) as Period[]).find(one => PERIODS[one]().from === from && PERIODS[one]().to === to);

function TimeFilter({ filters }: FilterProps) {
  const { from, to } = filters;
  const [picksDays, setPicksDays] = useState(false);
  const t = serversDictionary.value.log;
  const hasRange = from !== "" || to !== "";
  const period = periodOf(filters);
  const isCustom = picksDays || (hasRange && period === undefined);
  const choose = (chosen: string) => {
    setPicksDays(chosen === "days");
    if (chosen === "days") go({ ...filters, from: from || daysAgo(0), to: to || daysAgo(0) });
    else go({ ...filters, ...(chosen in PERIODS ? PERIODS[chosen as Period]() : { from: "", to: "" }) });
  };
  const field = (name: "from" | "to") => (
    <label class="log-day">
      <span>{t[name]}</span>
      <input
        type="date"
        value={filters[name]}
        max={daysAgo(0)}
        onChange={event => go({ ...filters, [name]: event.currentTarget.value })}
      />
    </label>
  );
  return (
    <>
      <select
        aria-label={t.time}
        value={isCustom ? "days" : (period ?? "")}
        onChange={event => choose(event.currentTarget.value)}
      >
        <option value="">{t.anyTime}</option>
        <option value="today">{t.today}</option>
        <option value="yesterday">{t.yesterday}</option>
        <option value="week">{t.week}</option>
        <option value="days">{t.days}</option>
      </select>
      {isCustom && (
        <>
          {field("from")}
          {field("to")}
        </>
      )}
    </>
  );
}

/** The filters of the Worklog. They are in the address, so that a link keeps them and "back" takes one back. */
export function LogFilterBar({ filters, entries }: FilterBarProps) {
  return (
    <search class="filters log-filters" aria-label={serversDictionary.value.log.filters}>
      <TextFilter filters={filters} />
      <ServerFilter filters={filters} entries={entries} />
      <KindFilter filters={filters} />
      <PersonFilter filters={filters} entries={entries} />
      <TimeFilter filters={filters} />
    </search>
  );
}
