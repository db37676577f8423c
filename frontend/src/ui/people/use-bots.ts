import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { Bot, ErrorCode } from "../../contract/generated";
import { announce } from "../announcer";
import { useApp } from "../app-context";
import { peopleDictionary } from "./people-dictionary";
import { useSession } from "./use-session";

export interface Bots {
  /** Undefined until the server has responded, and for users who can't have bots. */
  readonly bots: readonly Bot[] | undefined;
  readonly problem: ErrorCode | "unreachable" | undefined;
  readonly reload: () => void;
  readonly remove: (bot: Bot) => void;
}

/** The bots of the user, or for an admin all, and their removal. */
export function useBots(): Bots {
  const { backend, store } = useApp();
  const credential = useSession()?.credential;
  // Those who only chose a name could not be found again, so they have no bots.
  const mayHave = credential !== undefined && credential !== "bot";
  const [bots, setBots] = useState<readonly Bot[]>();
  const [problem, setProblem] = useState<Bots["problem"]>();
  const isMounted = useRef(true);
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      const found = await (await backend.people()).bots(store.token);
      if (isMounted.current) setBots(found);
      if (isMounted.current) setProblem(undefined);
      return true;
    } catch (error) {
      if (isMounted.current) setProblem(error instanceof ApiError ? error.code : "unreachable");
      return false;
    }
  };
  const reload = () => void attempt(async () => undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `reload` is another function in each rendering
  useEffect(() => {
    isMounted.current = true;
    if (mayHave) reload();
    return () => {
      isMounted.current = false;
    };
  }, [backend, store, mayHave]);
  return {
    ...{ bots, problem, reload },
    remove: ({ id }) =>
      void attempt(async () => (await backend.people()).removeBot(id, store.token)).then(
        done => done && announce(peopleDictionary.peek().botRemoved),
      ),
  };
}
