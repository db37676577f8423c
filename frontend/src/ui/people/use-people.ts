import { effect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode, Invitation, Person, Restriction } from "../../contract/generated";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { moderationTarget, restrictionsOpen } from "../chat/moderation/moderate-button";
import { peopleDictionary } from "./people-dictionary";

/** How often the list is loaded again: no event says that somebody's role or device has changed. */
const RELOAD_MS = 10_000;

export interface People {
  /** Undefined until the server has responded. */
  readonly people: readonly Person[] | undefined;
  readonly invitations: readonly Invitation[];
  readonly restrictions: readonly Restriction[];
  readonly problem: ErrorCode | "unreachable" | undefined;
  readonly reload: () => void;
  readonly withdraw: (invitation: Invitation) => void;
  readonly signOut: (person: Person) => void;
}

type Loaded = Pick<People, "people" | "invitations" | "restrictions" | "problem">;
const NOTHING: Loaded = { people: undefined, invitations: [], restrictions: [], problem: undefined };

/** The people, invitations and restrictions, kept up to date, and what an admin does to them. */
export function usePeople(): People {
  const { backend, store } = useApp();
  const [loaded, setLoaded] = useState(NOTHING);
  const isMounted = useRef(true);
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      const { token } = store;
      const api = await backend.people();
      const [people, invitations, restrictions] = await Promise.all([
        api.people(token),
        api.invitations(token),
        backend.restrictions(token),
      ]);
      if (isMounted.current) setLoaded({ people, invitations, restrictions, problem: undefined });
      return true;
    } catch (error) {
      const problem = error instanceof ApiError ? error.code : "unreachable";
      if (isMounted.current) setLoaded(before => ({ ...before, problem }));
      return false;
    }
  };
  const reload = () => void attempt(async () => undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` is another function in each rendering
  useEffect(() => {
    isMounted.current = true;
    // After a dialog has closed, what it changed is shown.
    const stop = effect(() => {
      if (!moderationTarget.value && !restrictionsOpen.value) reload();
    });
    const timer = setInterval(() => {
      if (!document.hidden) reload();
    }, RELOAD_MS);
    return () => {
      isMounted.current = false;
      stop();
      clearInterval(timer);
    };
  }, [backend, store]);
  return {
    ...loaded,
    reload,
    withdraw: ({ id }) =>
      void attempt(async () => (await backend.people()).withdraw(id, store.token)).then(
        done => done && announce(peopleDictionary.peek().withdrawn),
      ),
    signOut: ({ id }) =>
      void attempt(async () => {
        if (id !== undefined) await (await backend.people()).signOut(id, store.token);
      }).then(done => done && announce(peopleDictionary.peek().signedOut)),
  };
}
