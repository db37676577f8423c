import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../../../api/errors";
import type { Restriction } from "../../../contract/generated";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { moderationDictionary } from "./moderation-dictionary";
import type { Problem } from "./restriction-fields";

export interface Restrictions {
  /** Undefined until the server has responded. */
  readonly restrictions: readonly Restriction[] | undefined;
  readonly problem: Problem | undefined;
  readonly lift: (one: Restriction) => Promise<void>;
  /** Run `work`, then load the list again. Returns whether both succeeded. */
  readonly attempt: (work: () => Promise<void>) => Promise<boolean>;
}

/** The mutes and bans in force, with functions to change them. */
export function useRestrictions(): Restrictions {
  const { backend, store } = useApp();
  const [restrictions, setRestrictions] = useState<readonly Restriction[]>();
  const [problem, setProblem] = useState<Problem>();
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      setProblem(undefined);
      setRestrictions(await backend.restrictions(store.token));
      return true;
    } catch (error) {
      setProblem(error instanceof ApiError ? error.problem : "unreachable");
      return false;
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: loads once; `attempt` loads again
  useEffect(() => void attempt(async () => {}), [backend, store]);
  const lift = async (one: Restriction) => {
    if (await attempt(() => backend.moderate({ kind: "lift", id: one.id }, store.token)))
      announce(moderationDictionary.peek().lifted);
  };
  return { restrictions, problem, lift, attempt };
}
