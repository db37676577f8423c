import { useEffect, useState } from "preact/hooks";
import type { Mute } from "../../contract/generated";
import { useApp } from "../app-context";

/** The longest delay of a timer; a longer mute is checked again after it. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** The user's mute; undefined once it has expired. */
export function useMute(): Mute | undefined {
  const { chat, clockOffset } = useApp().store;
  const { muted } = chat.value;
  const [now, setNow] = useState(Date.now);
  // By this device's clock, which may be wrong.
  const end =
    muted?.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(muted.until) - clockOffset.value;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a long mute needs several timers
  useEffect(() => {
    setNow(Date.now());
    if (!Number.isFinite(end) || end <= Date.now()) return;
    const timer = setTimeout(() => setNow(Date.now()), Math.min(end - Date.now() + 50, LONGEST_WAIT_MS));
    return () => clearTimeout(timer);
  }, [end, now]);
  return muted && now < end ? muted : undefined;
}
