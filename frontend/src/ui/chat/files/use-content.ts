import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { File as StoredFile } from "../../../contract/generated";
import { type AppContextValue, useApp } from "../../app-context";
import { thumbnailOf } from "./thumbnail";

/** Images are loaded when they are this near to what is visible. */
const MARGIN = "600px";
/** How many thumbnails are kept, so that scrolling back shows them at once. */
const THUMBNAILS_MAX = 60;
const THUMBNAIL_BYTES_MAX = 1_000_000;

/** The thumbnails that were shown last, by the user's token and the file's id. */
const thumbnails = new WeakMap<AppContextValue["store"], Map<string, Blob>>();

function keep(store: AppContextValue["store"], key: string, thumbnail: Blob): void {
  if (thumbnail.size > THUMBNAIL_BYTES_MAX) return;
  const kept = thumbnails.get(store) ?? new Map<string, Blob>();
  thumbnails.set(store, kept);
  kept.delete(key);
  kept.set(key, thumbnail);
  for (const oldest of kept.keys()) {
    if (kept.size <= THUMBNAILS_MAX) break;
    kept.delete(oldest);
  }
}

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

interface Content {
  /** The address of the content; undefined until it is loaded. */
  readonly url?: string;
  readonly failed: boolean;
}

/** The content of an image while the component is there: whole, or small enough for its place in a message. */
export function useContent(
  file: StoredFile | undefined,
  { isWanted = true, isSmall = false }: { readonly isWanted?: boolean; readonly isSmall?: boolean } = {},
): Content {
  const { backend, store } = useApp();
  const { token, connection } = store.chat.value;
  const [url, setUrl] = useState<string>();
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const id = file?.id;
  const isLive = connection.phase === "live";
  // biome-ignore lint/correctness/useExhaustiveDependencies: what failed is loaded again when the connection is back
  useEffect(() => {
    if (failed && isLive) setAttempt(one => one + 1);
  }, [isLive]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a file never changes
  useEffect(() => {
    if (!isWanted || !file) return;
    const controller = new AbortController();
    let created: string | undefined;
    const key = `${token ?? ""} ${file.id}`;
    const load = async (): Promise<Blob> => {
      const kept = isSmall ? thumbnails.get(store)?.get(key) : undefined;
      if (kept) return kept;
      const api = await backend.files();
      const whole = await api.content(file.id, token, controller.signal);
      if (!isSmall) return whole;
      const thumbnail = await thumbnailOf(whole, file, devicePixelRatio);
      keep(store, key, thumbnail);
      return thumbnail;
    };
    setUrl(undefined);
    setFailed(false);
    load().then(
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
  }, [backend, store, token, id, isWanted, isSmall, attempt]);
  return { ...(url ? { url } : {}), failed };
}
