import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isListOf, isText } from "../../session/stored";
import { useApp } from "../app-context";

/** The most servers that are pinned: with another one, the first goes. */
const PINNED_MAX = 20;

/** The ids of the servers that the user of this browser has pinned, in that order; undefined until they are read. */
const pinned = signal<readonly string[] | undefined>(undefined);

export interface PinnedServers {
  readonly ids: ReadonlySignal<readonly string[] | undefined>;
  readonly toggle: (id: string) => void;
}

/** The pinned servers of this browser; a change in another tab is followed. */
export function usePinnedServers(): PinnedServers {
  const { localStore, scope } = useApp();
  const key = `pinned.${scope}`;
  const read = () => localStore.get(key, isListOf(isText)) ?? [];
  if (pinned.peek() === undefined) pinned.value = read();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `read` is another function in each rendering
  useEffect(() => {
    const onStorage = (event: StorageEvent) => {
      if (event.key?.endsWith(key)) pinned.value = read();
    };
    addEventListener("storage", onStorage);
    return () => removeEventListener("storage", onStorage);
  }, [localStore, key]);
  return {
    ids: pinned,
    toggle: id => {
      const before = read();
      const after = before.includes(id) ? before.filter(one => one !== id) : [...before, id];
      pinned.value = after.slice(-PINNED_MAX);
      localStore.set(key, pinned.value);
    },
  };
}
