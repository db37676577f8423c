import { signal } from "@preact/signals";

const announcements = signal<readonly { readonly id: number; readonly text: string }[]>([]);
let ids = 0;
const KEPT_MAX = 5;

/** Have a screen reader say something when it has a moment. */
export function announce(text: string): void {
  ids += 1;
  announcements.value = [...announcements.value, { id: ids, text }].slice(-KEPT_MAX);
}

/** The page's one polite live region: windowed lists come and go by scrolling and must not speak themselves. */
export const Announcer = () => (
  <div class="visually-hidden" role="log" aria-live="polite" aria-relevant="additions">
    {announcements.value.map(({ id, text }) => (
      <p key={id}>{text}</p>
    ))}
  </div>
);
