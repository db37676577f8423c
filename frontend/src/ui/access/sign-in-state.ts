import { signal } from "@preact/signals";
import { ApiError } from "../../api/errors";
import type { ErrorCode, SignIn } from "../../contract/generated";
import type { AppStore } from "../../session/app-store";
import type { SignOnProblem } from "../../session/sign-on";
import type { SignOnCallback } from "../../session/sign-on-callback";
import { tabStore } from "../settings/preferences";

/** Whether the token dialog is open; in this module, because the dialog is loaded on demand. */
export const tokenDialogOpen = signal(false);
/** Why the last sign-in with the issuer failed. */
export const signInProblem = signal<ErrorCode | SignOnProblem | "unreachable" | undefined>(undefined);

const loadSignOn = () => import(/* webpackChunkName: "sign-on" */ "../../session/sign-on");

async function attempt(work: (signOn: Awaited<ReturnType<typeof loadSignOn>>) => Promise<void>) {
  signInProblem.value = undefined;
  try {
    const signOn = await loadSignOn();
    await work(signOn).catch(error => {
      if (error instanceof signOn.SignOnError) signInProblem.value = error.problem;
      else throw error;
    });
  } catch (error) {
    signInProblem.value = error instanceof ApiError ? error.code : "unreachable";
  }
}

/** Go to the issuer's page. */
export const startSignIn = (signIn: SignIn, scope: string): Promise<void> =>
  attempt(async ({ startSignOn }) => location.assign(await startSignOn(signIn, scope, tabStore, location)));

/** Complete a sign-in after the issuer's redirect. */
export const finishSignIn = (store: AppStore, callback: SignOnCallback, scope: string): Promise<void> =>
  attempt(async ({ finishSignOn }) => store.signIn(await finishSignOn(callback, scope)));
