import type { LocalStore } from "./local-store";

/** A sign-in under way: what the page must still know when the issuer sends the browser back. */
export interface PendingSignOn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirect: string;
  /** Where in the page it began: path, query and hash. */
  readonly back: string;
  /** The server that it is for. */
  readonly scope: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly tokenEndpoint: string;
}

export interface SignOnCallback {
  readonly query: URLSearchParams;
  readonly pending: PendingSignOn | undefined;
}

const KEY = "signOn";

export const savePending = (store: LocalStore, pending: PendingSignOn): void => store.set(KEY, pending);

/** What the issuer sent the browser back with, once; undefined where the page was opened in any other way. */
export function takeCallback(store: LocalStore, search: string): SignOnCallback | undefined {
  const query = new URLSearchParams(search);
  if (!query.has("state") || !(query.has("code") || query.has("error"))) return undefined;
  const pending = store.get<PendingSignOn>(KEY);
  store.remove(KEY);
  return { query, pending };
}
