import { useEffect, useState } from "preact/hooks";
import type { SessionView } from "../../contract/generated";
import { useApp } from "../app-context";

/** Whether the user has another way to sign in than a link from a device of theirs, or from an admin. */
export const canSignInAgain = ({ credential }: SessionView): boolean =>
  credential === "token" || credential === "sign_on";

/** The session of our registration, also in open mode, where the page's own requests need none; loaded once. */
export function useSession(): SessionView | undefined {
  const { backend, store } = useApp();
  const [session, setSession] = useState<SessionView>();
  const { token } = store.chat.value;
  useEffect(() => {
    let isCurrent = true;
    setSession(undefined);
    if (token !== undefined)
      backend.session(token).then(
        found => isCurrent && setSession(found),
        // Without it, what depends on it is not offered.
        () => undefined,
      );
    return () => {
      isCurrent = false;
    };
  }, [backend, token]);
  return session;
}
