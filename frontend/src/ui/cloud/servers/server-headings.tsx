import { serversDictionary } from "./servers-dictionary";

interface HeadingsProps {
  readonly canSelect: boolean;
  readonly isAllSelected: boolean;
  readonly isSomeSelected: boolean;
  readonly onSelectAll: (isSelected: boolean) => void;
}

/** The headings of the columns, with the box that selects all servers shown. */
export function Headings({ canSelect, isAllSelected, isSomeSelected, onSelectAll }: HeadingsProps) {
  const t = serversDictionary.value;
  const { name, state, since, where, labels, cpu, change } = t.columns;
  return (
    <div class="server headings">
      {canSelect && (
        <label class="server-check">
          <input
            type="checkbox"
            aria-label={t.selectAll}
            checked={isAllSelected}
            indeterminate={isSomeSelected && !isAllSelected}
            onChange={event => onSelectAll(event.currentTarget.checked)}
          />
        </label>
      )}
      <span class="server-name">{name}</span>
      <span class="server-state">{state}</span>
      <span class="server-since">{since}</span>
      <span class="server-where">{where}</span>
      <span class="server-labels">{labels}</span>
      <span class="server-use">{cpu}</span>
      <span class="server-change">{change}</span>
      <span class="server-actions" />
    </div>
  );
}
