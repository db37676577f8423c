import { useEffect, useState } from "preact/hooks";
import { useApp } from "../../app-context";

const STEP_MS = 10_000;

/** The server's time, updated every ten seconds: for ages in minutes. */
export function useSlowNow(): number {
  const { clockOffset } = useApp().store;
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), STEP_MS);
    return () => clearInterval(timer);
  }, []);
  return now + clockOffset.value;
}
