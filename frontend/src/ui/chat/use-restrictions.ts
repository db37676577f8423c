import { useEffect, useState } from "preact/hooks";
import { RefusedError } from "../../api/errors";
import type { Restriction } from "../../contract/generated";
import { announce } from "../announcer";
import { language } from "../preferences";
import { useLive } from "../session-context";
import { moderationWords } from "./moderation-words";
import type { Problem } from "./terms";

export interface Held {
  /** Undefined until the server has answered. */
  readonly restrictions: readonly Restriction[] | undefined;
  readonly problem: Problem | undefined;
  readonly lift: (one: Restriction) => Promise<void>;
  /** Do `work`, then ask anew what holds; answers whether it was done. */
  readonly attempt: (work: () => Promise<void>) => Promise<boolean>;
}

/** What is in force, with a way to lift it. */
export function useRestrictions(): Held {
  const { session } = useLive();
  const [restrictions, setRestrictions] = useState<readonly Restriction[]>();
  const [problem, setProblem] = useState<Problem>();
  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      setProblem(undefined);
      setRestrictions(await session.moderator.restrictions());
      return true;
    } catch (error) {
      setProblem(error instanceof RefusedError ? error.problem : "unreachable");
      return false;
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once; what is done asks again
  useEffect(() => void attempt(async () => {}), [session]);
  const lift = async (one: Restriction) => {
    if (await attempt(() => session.moderator.moderate({ kind: "lift", id: one.id })))
      announce(moderationWords[language.peek()].lifted);
  };
  return { restrictions, problem, lift, attempt };
}
