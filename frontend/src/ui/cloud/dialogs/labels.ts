import { labelText } from "../servers/server-order";

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LABEL = /^[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?(=\P{C}{0,63})?$/u;

/** Whether the server would take `name`. It doesn't take what looks like an id. */
export const isServerName = (name: string): boolean => NAME.test(name) && !UUID.test(name);

export type Labels = Readonly<Record<string, string>>;

/** Labels as they are typed. */
export const formatLabels = (labels: Labels): string => Object.entries(labels).map(labelText).join(", ");

/** Parse labels that are separated by commas; returns the first text that is no label, if there is one. */
export function parseLabels(typed: string): { readonly labels: Labels } | { readonly invalid: string } {
  const labels: Record<string, string> = {};
  const texts = typed.split(",").map(text => text.trim());
  for (const text of texts.filter(Boolean)) {
    if (!LABEL.test(text)) return { invalid: text };
    const at = text.indexOf("=");
    labels[at < 0 ? text : text.slice(0, at)] = at < 0 ? "" : text.slice(at + 1);
  }
  return { labels };
}

/** What changes `before` into `after`: null removes a label. Undefined if nothing changes. */
export function labelChanges(before: Labels, after: Labels): Record<string, string | null> | undefined {
  const changed = Object.entries(after).filter(([key, value]) => before[key] !== value);
  const removed = Object.keys(before).filter(key => !(key in after));
  if (changed.length + removed.length === 0) return undefined;
  return Object.fromEntries([...changed, ...removed.map(key => [key, null] as const)]);
}
