import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";

export interface MarkupProps {
  readonly text: string;
}

/** What draws markup; undefined until it is loaded. Most messages have none, and are drawn without it. */
export const markup = signal<{ readonly Markup: FunctionComponent<MarkupProps> } | undefined>(undefined);

/** After this time, a message that needs it tries to load it again. */
const RETRY_MS = 5_000;
let triedAt = Number.NEGATIVE_INFINITY;

/** Load what draws markup, unless that was tried just now. Until it is there, a message is shown as it was typed. */
export function loadMarkup(): void {
  if (markup.peek() || performance.now() - triedAt < RETRY_MS) return;
  triedAt = performance.now();
  import(/* webpackChunkName: "markup" */ "./markup").then(
    module => {
      markup.value = module;
    },
    () => undefined,
  );
}
