import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { dictionary } from "./settings/preferences";

interface LazyProps<P> {
  /** Must be the same function in each rendering. */
  readonly load: () => Promise<{ readonly default: ComponentType<P> }>;
  readonly props: P;
}

/** A component that is loaded on first use, with a notice and a retry button if loading fails. */
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
