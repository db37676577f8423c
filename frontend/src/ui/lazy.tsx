import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dictionary } from "./preferences";

interface LazyProps<P> {
  /** The same function each time. */
  readonly load: () => Promise<{ readonly default: ComponentType<P> }>;
  readonly props: P;
}

/** A part of the page that is fetched when it is first wanted; where that fails, it says so and can be tried again. */
export function Lazy<P extends object>({ load, props }: LazyProps<P>) {
  const [Loaded, setLoaded] = useState<ComponentType<P>>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (failed) return;
    load().then(
      module => setLoaded(() => module.default),
      () => setFailed(true),
    );
  }, [load, failed]);
  if (Loaded) return <Loaded {...props} />;
  if (!failed) return null;
  const t = dictionary.value.missingPart;
  return (
    <div class="notice" role="alert">
      <p>{t.text}</p>
      <p class="notice-actions">
        <button type="button" class="button" onClick={() => setFailed(false)}>
          {t.again}
        </button>
        <button type="button" class="link-button" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </p>
    </div>
  );
}
