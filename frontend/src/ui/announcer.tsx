import { signal } from "@preact/signals";
import { unmarked } from "../i18n/isolate";

const announcements = signal<readonly { readonly id: number; readonly text: string }[]>([]);
let ids = 0;
const KEPT_MAX = 5;

/** Have screen readers announce `text` when they are idle. */
export function announce(text: string): void {
  ids += 1;
  announcements.value = [...announcements.value, { id: ids, text: unmarked(text) }].slice(-KEPT_MAX);
}

/** The page's only polite live region: virtual lists add and remove rows while scrolling, so they can't be one. */
export const Announcer = () => (
  <div class="visually-hidden" role="log" aria-live="polite" aria-relevant="additions">
    {announcements.value.map(({ id, text }) => (
      <p key={id}>{text}</p>
    ))}
  </div>
);
