import { effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isMissingOr, isNumber, isRecord, isText, isTime } from "../../session/stored";
import { useApp } from "../app-context";

export interface LastSeen {
  readonly seq: number;
  readonly epoch?: string | undefined;
  readonly at: number;
}

const isLastSeen = isRecord<LastSeen>({ seq: isNumber, epoch: isMissingOr(isText), at: isTime });

/** Shorter absences don't count. */
const AWAY_MS = 60_000;

/**
 * The last event and time that the user saw. After an absence the returned signal has this position until it is
 * dismissed. The stored position advances with every event that a visible tab shows.
 */
export function useLastSeen() {
  const { store, localStore, scope } = useApp();
  const key = `cloudSeen.${scope}`;
  const away = useMemo(() => {
    const last = localStore.get(key, isLastSeen);
    return signal(last && Date.now() - last.at > AWAY_MS ? last : undefined);
  }, [localStore, key]);

  useEffect(() => {
    const save = () => {
      const { loaded, seq, epoch } = store.cloud.peek();
      if (!document.hidden && loaded) {
        localStore.set(key, { seq, epoch, at: Date.now() } satisfies LastSeen);
      }
    };
    const stopEffect = effect(() => {
      store.cloud.value;
      save();
    });
    const beat = setInterval(save, AWAY_MS / 4);
    const onVisibility = () => {
      const last = localStore.get(key, isLastSeen);
      if (!document.hidden && last && Date.now() - last.at > AWAY_MS) away.value = last;
      save();
    };
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      stopEffect();
      clearInterval(beat);
      document.removeEventListener("visibilitychange", onVisibility);
    };
  }, [store, localStore, key, away]);

  return away;
}
