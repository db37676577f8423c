import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { signInProblem, startSignIn, tokenDialogOpen } from "./sign-in-state";

/** The button to sign in: with a static token or with the issuer, depending on the server's mode. */
export function SignInControl() {
  const { store, scope } = useApp();
  const view = store.access.view.value;
  if (!view || view.mode === "open") return null;
  const t = dictionary.value.access;
  const { signIn } = view;
  const open = () => {
    tokenDialogOpen.value = true;
  };
  return (
    <>
      {view.mode === "token" && (
        <button type="button" class="link-button" onClick={open}>
          {t.haveToken}
        </button>
      )}
      {view.mode === "oidc" && signIn && (
        <button type="button" class="button primary" onClick={() => void startSignIn(signIn, scope)}>
          {t.signIn}
        </button>
      )}
      {view.mode === "oidc" && !signIn && <span>{t.issuerAway}</span>}
      {signInProblem.value && (
        <span class="problem" role="alert">
          {t.problem(signInProblem.value)}
        </span>
      )}
    </>
  );
}
