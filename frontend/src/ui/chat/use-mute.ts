import { useEffect, useState } from "preact/hooks";
import type { Mute } from "../../contract/generated";
import { useApp } from "../app-context";

/** A timer can't wait longer than this; a mute that lasts longer is looked at again then. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** Why one may not speak; undefined again once it has ended by itself. */
export function useMute(): Mute | undefined {
  const { muted } = useApp().store.chat.value;
  const [now, setNow] = useState(Date.now);
  const end = muted?.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(muted.until);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each look may have to be followed by another
  useEffect(() => {
    setNow(Date.now());
    if (!Number.isFinite(end) || end <= Date.now()) return;
    const timer = setTimeout(() => setNow(Date.now()), Math.min(end - Date.now() + 50, LONGEST_WAIT_MS));
    return () => clearTimeout(timer);
  }, [end, now]);
  return muted && now < end ? muted : undefined;
}
