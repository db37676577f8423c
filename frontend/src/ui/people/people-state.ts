import { signal } from "@preact/signals";
import { JOIN_FRAGMENT } from "../../contract/generated";
import { hrefs } from "../place";

// Not in the modules of the dialogs, because those are loaded on demand.

/** The secret of the link that was opened, until the user has signed in or closed the dialog. */
export const linkSecret = signal<string | undefined>(undefined);
/** The dialog that is open: a link for another device, or a question before the user is signed out. */
export const deviceDialog = signal<"link" | "here" | "everywhere" | undefined>(undefined);

/** Take the secret out of the address, so that neither the history nor a copied address has it. */
function takeSecret(): void {
  const { hash, pathname, search } = location;
  if (!hash.startsWith(JOIN_FRAGMENT)) return;
  const secret = hash.slice(JOIN_FRAGMENT.length);
  history.replaceState(null, "", pathname + search + hrefs.room("general"));
  if (secret) linkSecret.value = secret;
}

/** Watch for links, at the start and while the page is open. Call it before the place is read. */
export function watchLinks(): void {
  takeSecret();
  addEventListener("hashchange", takeSecret);
}

/** The absolute address of a link that is relative to the page. The page's own parameters name its server. */
export function absoluteLink(link: string): string {
  return location.origin + location.pathname + location.search + link;
}
