import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useApp } from "../../app-context";

/** Images are loaded when they are this near to what is visible. */
const MARGIN = "600px";

/** Whether the element has come near to what is visible. */
export function useNear(element: RefObject<Element | null>): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (!element.current || isNear) return;
    const observer = new IntersectionObserver(
      entries => entries.some(one => one.isIntersecting) && setNear(true),
      { rootMargin: MARGIN },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, isNear]);
  return isNear;
}

/** The address of a file's content while the component is there; undefined until it is loaded. */
export function useContent(
  id: string,
  isWanted: boolean,
): { readonly url?: string; readonly failed: boolean } {
  const { backend, store } = useApp();
  const { token } = store.chat.value;
  const [url, setUrl] = useState<string>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!isWanted) return;
    const controller = new AbortController();
    let created: string | undefined;
    setUrl(undefined);
    setFailed(false);
    backend
      .files()
      .then(api => api.content(id, token, controller.signal))
      .then(
        blob => {
          if (controller.signal.aborted) return;
          created = URL.createObjectURL(blob);
          setUrl(created);
        },
        () => !controller.signal.aborted && setFailed(true),
      );
    return () => {
      controller.abort();
      if (created) URL.revokeObjectURL(created);
    };
  }, [backend, token, id, isWanted]);
  return { ...(url ? { url } : {}), failed };
}
