import type { Signal } from "@preact/signals";
import { language } from "../../settings/preferences";
import { countGroups, ORDERS, type Order, type Server, SHOWN, type Shown } from "./server-order";
import { serversDictionary } from "./servers-dictionary";

interface GroupsProps {
  readonly servers: readonly Server[];
  readonly shown: Signal<Shown>;
}

/** The counts, which choose what is shown. */
export function Groups({ servers, shown }: GroupsProps) {
  const t = serversDictionary.value;
  const counts = countGroups(servers);
  const number = new Intl.NumberFormat(language.value);
  return (
    <div class="groups" role="group" aria-label={t.groupsLabel}>
      {SHOWN.map(one => (
        <button
          key={one}
          type="button"
          class="group"
          data-group={one}
          data-empty={counts[one] === 0}
          aria-pressed={shown.value === one}
          onClick={() => {
            shown.value = one;
          }}
        >
          {t.groups[one]} {number.format(counts[one])}
        </button>
      ))}
    </div>
  );
}

interface ToolbarProps {
  readonly order: Signal<Order>;
  readonly search: Signal<string>;
}

/** The search and the order. */
export function Toolbar({ order, search }: ToolbarProps) {
  const t = serversDictionary.value;
  const c = t.list;
  return (
    <div class="server-filters">
      <input
        type="search"
        aria-label={t.search}
        title={t.search}
        placeholder={t.search}
        value={search.value}
        onInput={event => {
          search.value = event.currentTarget.value;
        }}
      />
      <select
        aria-label={c.sort}
        value={order.value}
        onChange={event => {
          order.value = event.currentTarget.value as Order;
        }}
      >
        {ORDERS.map(one => (
          <option key={one} value={one}>
            {c.sorts[one]}
          </option>
        ))}
      </select>
    </div>
  );
}
