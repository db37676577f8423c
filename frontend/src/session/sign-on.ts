import type { SignIn } from "../contract/generated";
import type { LocalStore } from "./local-store";
import { type SignOnCallback, savePending } from "./sign-on-callback";

/** Why a sign-in failed. */
export type SignOnProblem = "insecure" | "denied" | "mismatch" | "unanswered";

export class SignOnError extends Error {
  constructor(
    readonly problem: SignOnProblem,
    detail = "",
  ) {
    super(`${problem}: ${detail}`);
  }
}

/** The page's own URL: the parts of `location` that a sign-in uses. */
export type PageLocation = Pick<Location, "origin" | "pathname" | "search" | "hash">;

const REQUEST_TIMEOUT_MS = 15_000;

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const randomToken = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The code challenge of `verifier` (RFC 7636, S256). */
export async function codeChallenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

/** Prepare a sign-in for the server `scope` and return the URL of the issuer's page. Throws `SignOnError`. */
export async function startSignOn(
  signIn: SignIn,
  scope: string,
  store: LocalStore,
  page: PageLocation,
): Promise<string> {
  // Browsers provide `crypto.subtle` only over https and on localhost.
  if (!crypto.subtle) throw new SignOnError("insecure");
  const [state, nonce, verifier] = [randomToken(), randomToken(), randomToken()];
  const redirect = page.origin + page.pathname;
  const { issuer, clientId, tokenEndpoint } = signIn;
  const back = page.pathname + page.search + page.hash;
  savePending(store, { state, nonce, verifier, redirect, back, scope, issuer, clientId, tokenEndpoint });
  const url = new URL(signIn.authorizationEndpoint);
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirect,
    scope: signIn.scope,
    state,
    nonce,
    code_challenge: await codeChallenge(verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Exchange the code of the issuer's redirect for an ID token. Throws `SignOnError`. */
export async function finishSignOn({ query, pending }: SignOnCallback, scope: string): Promise<string> {
  const code = query.get("code");
  // Prevents login CSRF: an attacker who sends a link with their own code doesn't know the state.
  if (!pending || query.get("state") !== pending.state || pending.scope !== scope)
    throw new SignOnError("mismatch", "state");
  if ((query.get("iss") ?? pending.issuer) !== pending.issuer) throw new SignOnError("mismatch", "iss");
  if (!code) throw new SignOnError("denied", query.get("error") ?? "");
  const form = {
    grant_type: "authorization_code",
    code,
    redirect_uri: pending.redirect,
    client_id: pending.clientId,
    code_verifier: pending.verifier,
  };
  const token = await fetchIdToken(pending.tokenEndpoint, new URLSearchParams(form));
  // The gateway validates the token; only this page knows the nonce.
  if (decodeClaims(token).nonce !== pending.nonce) throw new SignOnError("mismatch", "nonce");
  return token;
}

async function fetchIdToken(endpoint: string, body: URLSearchParams): Promise<string> {
  let reply: { readonly id_token?: unknown };
  try {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const response = await fetch(endpoint, { method: "POST", body, signal, credentials: "omit" });
    reply = await response.json();
  } catch (error) {
    throw new SignOnError("unanswered", String(error));
  }
  if (typeof reply?.id_token !== "string") throw new SignOnError("denied", "no ID token");
  return reply.id_token;
}

function decodeClaims(token: string): { readonly nonce?: unknown } {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    throw new SignOnError("mismatch", "no JWT");
  }
}
