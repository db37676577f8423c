import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

interface LazyProps<P> {
  /** The same function each time. */
  readonly load: () => Promise<{ readonly default: ComponentType<P> }>;
  readonly props: P;
}

/** A part of the page that is fetched when it is first wanted. */
export function Lazy<P extends object>({ load, props }: LazyProps<P>) {
  const [Loaded, setLoaded] = useState<ComponentType<P>>();
  useEffect(() => {
    load().then(module => setLoaded(() => module.default));
  }, [load]);
  return Loaded ? <Loaded {...props} /> : null;
}
