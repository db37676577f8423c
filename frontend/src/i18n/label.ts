/** The label of `key`, or the key itself: a newer server may send commands, events and states that the page doesn't know. */
export const labelOf = <K extends string>(labels: Readonly<Record<K, string>>, key: K): string =>
  (labels as Readonly<Partial<Record<K, string>>>)[key] ?? key;
