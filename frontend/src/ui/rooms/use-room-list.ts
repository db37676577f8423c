import { useEffect, useRef, useState } from "preact/hooks";
import type { RoomView } from "../../contract/generated";
import { useApp } from "../app-context";
import { useRoomAction } from "./use-action";

/** The rooms that the user may see, or why they could not be loaded. */
export function useRoomList() {
  const { store } = useApp();
  const action = useRoomAction();
  const [rooms, setRooms] = useState<readonly RoomView[]>();
  const isMounted = useRef(true);
  const load = async () => {
    const found = await action.run((api, token) => api.list(token));
    if (!found || !isMounted.current) return;
    store.roomViews(found);
    setRooms(found);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: `load` is another function in each rendering
  useEffect(() => {
    isMounted.current = true;
    void load();
    return () => {
      isMounted.current = false;
    };
  }, [store]);
  return { rooms, problem: action.problem?.text, load };
}
