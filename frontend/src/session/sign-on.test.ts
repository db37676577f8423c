import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryKeep } from "../testing/fakes";
import type { Keep } from "./keep";
import { beginSignOn, challengeOf, finishSignOn } from "./sign-on";
import { takeReturn } from "./sign-on-return";

const SIGN_IN = {
  issuer: "https://id.example",
  clientId: "opsroom",
  scope: "openid profile",
  authorizationEndpoint: "https://id.example/authorize?tenant=a",
  tokenEndpoint: "https://id.example/token",
};
const SCOPE = "https://ops.example";
const PLACE = { origin: SCOPE, pathname: "/page/", search: "?api=x", hash: "#/cloud" };

let keep: Keep;
let asked: URLSearchParams;

const idToken = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
const answer = (body: object) => {
  const fetched = vi.fn(async (_url: string, _init: { body: URLSearchParams }) => Response.json(body));
  vi.stubGlobal("fetch", fetched);
  return fetched;
};
const returned = (query: Record<string, string>) => {
  const found = takeReturn(keep, `?${new URLSearchParams(query)}`);
  if (!found) throw new Error("taken for an ordinary visit");
  return found;
};
const asState = () => asked.get("state") ?? "";

beforeEach(async () => {
  keep = memoryKeep();
  asked = new URL(await beginSignOn(SIGN_IN, SCOPE, keep, PLACE)).searchParams;
});
afterEach(() => vi.unstubAllGlobals());

describe("signing in by the issuer", () => {
  it("makes the challenge of RFC 7636, appendix B", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("asks for a code, with a state, a nonce and the challenge of what only this tab knows", async () => {
    expect(Object.fromEntries(asked)).toMatchObject({
      tenant: "a",
      response_type: "code",
      client_id: "opsroom",
      redirect_uri: "https://ops.example/page/",
      scope: "openid profile",
      code_challenge_method: "S256",
    });
    const fetched = answer({ id_token: idToken({ nonce: asked.get("nonce") }) });
    const back = returned({ code: "c0de", state: asState(), iss: SIGN_IN.issuer });
    expect(back.pending?.back).toBe("/page/?api=x#/cloud");
    expect(await finishSignOn(back, SCOPE)).toBe(idToken({ nonce: asked.get("nonce") }));
    const [url, init] = fetched.mock.calls[0] ?? [];
    expect(url).toBe(SIGN_IN.tokenEndpoint);
    expect(init?.body.get("code")).toBe("c0de");
    expect(await challengeOf(init?.body.get("code_verifier") ?? "")).toBe(asked.get("code_challenge"));
  });

  it("takes no code of another sign-in, server or issuer, and none twice", async () => {
    const fetched = answer({ id_token: idToken({ nonce: asked.get("nonce") }) });
    const query = { code: "c", state: asState() };
    const mismatch = { problem: "mismatch" };
    const back = returned(query);
    const foreign = { ...back, query: new URLSearchParams({ code: "c", state: "of a stranger" }) };
    await expect(finishSignOn(foreign, SCOPE)).rejects.toMatchObject(mismatch);
    await expect(finishSignOn(back, "https://other.example")).rejects.toMatchObject(mismatch);
    const mixedUp = { ...back, query: new URLSearchParams({ ...query, iss: "https://evil.example" }) };
    await expect(finishSignOn(mixedUp, SCOPE)).rejects.toMatchObject(mismatch);
    await expect(finishSignOn(returned(query), SCOPE)).rejects.toMatchObject(mismatch);
    expect(fetched).not.toHaveBeenCalled();
  });

  it("takes no token that was made for another sign-in", async () => {
    answer({ id_token: idToken({ nonce: "another" }) });
    const back = returned({ code: "c", state: asState() });
    await expect(finishSignOn(back, SCOPE)).rejects.toMatchObject({ problem: "mismatch" });
  });

  it("says that the issuer let nobody in", async () => {
    const back = returned({ error: "access_denied", state: asState() });
    await expect(finishSignOn(back, SCOPE)).rejects.toMatchObject({ problem: "denied" });
    expect(takeReturn(keep, "?api=https://ops.example")).toBeUndefined();
  });
});
