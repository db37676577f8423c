import type { LocalStore } from "./local-store";
import { isRecord, isText } from "./stored";

/** A pending sign-in: what the page needs after the issuer's redirect. */
export interface PendingSignOn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirect: string;
  /** Where the sign-in began: path, query and hash. */
  readonly back: string;
  /** The server that the sign-in is for. */
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

const isPending = isRecord<PendingSignOn>({
  state: isText,
  nonce: isText,
  verifier: isText,
  redirect: isText,
  back: isText,
  scope: isText,
  issuer: isText,
  clientId: isText,
  tokenEndpoint: isText,
});

export const savePending = (store: LocalStore, pending: PendingSignOn): void => store.set(KEY, pending);

/** Take the parameters of the issuer's redirect and the pending sign-in, once; undefined if this is no redirect. */
export function takeCallback(store: LocalStore, search: string): SignOnCallback | undefined {
  const query = new URLSearchParams(search);
  if (!query.has("state") || !(query.has("code") || query.has("error"))) return undefined;
  const pending = store.get(KEY, isPending);
  store.remove(KEY);
  return { query, pending };
}
