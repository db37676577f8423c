import { effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { useLive } from "../session-context";

export interface LastSeen {
  readonly seq: number;
  readonly at: number;
}

/** A shorter absence is no absence. */
const AWAY_MS = 60_000;

/**
 * Where one was when one last looked. `away` holds that place after a break, until it is dismissed; the
 * place itself moves on with every event that a visible tab shows.
 */
export function useLastSeen() {
  const { session, keep, scope } = useLive();
  const key = `cloudSeen.${scope}`;
  const away = useMemo(() => {
    const last = keep.get<LastSeen>(key);
    return signal(last && Date.now() - last.at > AWAY_MS ? last : undefined);
  }, [keep, key]);

  useEffect(() => {
    const note = () => {
      const { loaded, seq } = session.cloud.peek();
      if (!document.hidden && loaded) keep.set(key, { seq, at: Date.now() } satisfies LastSeen);
    };
    const stopEffect = effect(() => {
      session.cloud.value;
      note();
    });
    const beat = setInterval(note, AWAY_MS / 4);
    const onVisibility = () => {
      const last = keep.get<LastSeen>(key);
      if (!document.hidden && last && Date.now() - last.at > AWAY_MS) away.value = last;
      note();
    };
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      stopEffect();
      clearInterval(beat);
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [session, keep, key, away]);

  return away;
}
