import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomMember } from "../../contract/generated";
import type { RoomState } from "../../state/chat/model";
import { useApp } from "../app-context";

/** How often the members are loaded again: no frame says that others have joined or left. */
const RELOAD_MS = 20_000;

/** A list of this many members may not be all. */
const LISTED_MAX = 2_000;

export interface Members {
  /** Undefined until the server has responded. */
  readonly members: readonly RoomMember[] | undefined;
  readonly reload: () => void;
}

/** The members of a room while they are shown; `isWanted` is false for rooms that everybody is in. */
export function useMembers({ room: { id }, room, members: count }: RoomState, isWanted: boolean): Members {
  const { backend, store } = useApp();
  const [members, setMembers] = useState<readonly RoomMember[]>();
  const isMounted = useRef(true);
  const load = async () => {
    try {
      const api = await backend.rooms();
      const found = await api.members(id, store.token);
      if (!isMounted.current) return;
      setMembers(found);
      // More are counted than are listed in a large room.
      if (found.length < LISTED_MAX && found.length !== count)
        store.roomViews([{ room, members: found.length }]);
    } catch {
      // What was loaded stays, and the next attempt follows.
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `load` is another function in each rendering
  useEffect(() => {
    isMounted.current = true;
    if (!isWanted) return;
    void load();
    const timer = setInterval(() => {
      if (!document.hidden) void load();
    }, RELOAD_MS);
    return () => {
      isMounted.current = false;
      clearInterval(timer);
    };
  }, [backend, store, id, isWanted]);
  return { members, reload: () => void load() };
}
