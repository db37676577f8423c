import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryStore } from "../testing/fakes";
import type { LocalStore } from "./local-store";
import { codeChallenge, finishSignOn, startSignOn } from "./sign-on";
import { takeCallback } from "./sign-on-callback";

const SIGN_IN = {
  issuer: "https://id.example",
  clientId: "opsroom",
  scope: "openid profile",
  authorizationEndpoint: "https://id.example/authorize?tenant=a",
  tokenEndpoint: "https://id.example/token",
};
const SCOPE = "https://ops.example";
const PLACE = { origin: SCOPE, pathname: "/page/", search: "?api=x", hash: "#/cloud" };

let store: LocalStore;
let requested: URLSearchParams;

const idToken = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
const respondWith = (body: object) => {
  const fetched = vi.fn(async (_url: string, _init: { body: URLSearchParams }) => Response.json(body));
  vi.stubGlobal("fetch", fetched);
  return fetched;
};
const callbackWith = (query: Record<string, string>) => {
  const found = takeCallback(store, `?${new URLSearchParams(query)}`);
  if (!found) throw new Error("taken for an ordinary visit");
  return found;
};
const asState = () => requested.get("state") ?? "";

beforeEach(async () => {
  store = memoryStore();
  requested = new URL(await startSignOn(SIGN_IN, SCOPE, store, PLACE)).searchParams;
});
afterEach(() => vi.unstubAllGlobals());

describe("signing in with the issuer", () => {
  it("computes the code challenge of RFC 7636, appendix B", async () => {
    expect(await codeChallenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("requests a code with state, nonce and code challenge, and exchanges it for the ID token", async () => {
    expect(Object.fromEntries(requested)).toMatchObject({
      tenant: "a",
      response_type: "code",
      client_id: "opsroom",
      redirect_uri: "https://ops.example/page/",
      scope: "openid profile",
      code_challenge_method: "S256",
    });
    const fetched = respondWith({ id_token: idToken({ nonce: requested.get("nonce") }) });
    const back = callbackWith({ code: "c0de", state: asState(), iss: SIGN_IN.issuer });
    expect(back.pending?.back).toBe("/page/?api=x#/cloud");
    expect(await finishSignOn(back, SCOPE)).toBe(idToken({ nonce: requested.get("nonce") }));
    const [url, init] = fetched.mock.calls[0] ?? [];
    expect(url).toBe(SIGN_IN.tokenEndpoint);
    expect(init?.body.get("code")).toBe("c0de");
    expect(await codeChallenge(init?.body.get("code_verifier") ?? "")).toBe(requested.get("code_challenge"));
  });

  it("rejects a code of another sign-in, server or issuer, and a second use", async () => {
    const fetched = respondWith({ id_token: idToken({ nonce: requested.get("nonce") }) });
    const query = { code: "c", state: asState() };
    const mismatch = { problem: "mismatch" };
    const back = callbackWith(query);
    const foreign = { ...back, query: new URLSearchParams({ code: "c", state: "of an attacker" }) };
    await expect(finishSignOn(foreign, SCOPE)).rejects.toMatchObject(mismatch);
    await expect(finishSignOn(back, "https://other.example")).rejects.toMatchObject(mismatch);
    const mixedUp = { ...back, query: new URLSearchParams({ ...query, iss: "https://evil.example" }) };
    await expect(finishSignOn(mixedUp, SCOPE)).rejects.toMatchObject(mismatch);
    await expect(finishSignOn(callbackWith(query), SCOPE)).rejects.toMatchObject(mismatch);
    expect(fetched).not.toHaveBeenCalled();
  });

  it("rejects a token with another nonce", async () => {
    respondWith({ id_token: idToken({ nonce: "another" }) });
    const back = callbackWith({ code: "c", state: asState() });
    await expect(finishSignOn(back, SCOPE)).rejects.toMatchObject({ problem: "mismatch" });
  });

  it("reports that the issuer denied access", async () => {
    const back = callbackWith({ error: "access_denied", state: asState() });
    await expect(finishSignOn(back, SCOPE)).rejects.toMatchObject({ problem: "denied" });
    expect(takeCallback(store, "?api=https://ops.example")).toBeUndefined();
  });
});
