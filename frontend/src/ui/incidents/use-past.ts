import { useEffect, useState } from "preact/hooks";
import type { ErasedMessage, Instance, Message } from "../../contract/generated";
import { useApp } from "../app-context";
import { type IncidentProblem, problemOf } from "./use-incidents";

/** A place in the room: a message, or one whose text of then is erased. */
export type PastRow =
  | { readonly kind: "message"; readonly seq: number; readonly at: string; readonly message: Message }
  | { readonly kind: "erased"; readonly seq: number; readonly at: string; readonly message: ErasedMessage };

export interface Past {
  /** Undefined until the server has responded. */
  readonly rows: readonly PastRow[] | undefined;
  /** The time of the last message; undefined without messages. */
  readonly time: string | undefined;
  /** Undefined while they are loaded, or if the reader may not see servers; null: they are not known. */
  readonly servers: readonly Instance[] | null | undefined;
  /** The place of the message after this moment; undefined: there is none. */
  readonly later: number | undefined;
  readonly problem: IncidentProblem | undefined;
}

const EMPTY: Past = {
  rows: undefined,
  time: undefined,
  servers: undefined,
  later: undefined,
  problem: undefined,
};

/** A room and the servers as they were when `at` was the last sequence number. */
export function usePast(room: string, at: number): Past {
  const { backend, store } = useApp();
  const [past, setPast] = useState<Past>(EMPTY);
  const maySee = store.access.may("see_servers");
  useEffect(() => {
    let isWanted = true;
    const update = (change: Partial<Past>) => isWanted && setPast(known => ({ ...known, ...change }));
    setPast(EMPTY);
    const load = async () => {
      const api = await backend.incidents();
      const { token } = store;
      const [{ messages, erased }, later] = await Promise.all([
        api.past(room, at, token),
        api.following(room, at, token),
      ]);
      const rows: PastRow[] = [
        ...messages.map(one => ({ kind: "message" as const, seq: one.seq, at: one.timestamp, message: one })),
        ...erased.map(one => ({ kind: "erased" as const, seq: one.seq, at: one.timestamp, message: one })),
      ].sort((a, b) => a.seq - b.seq);
      const time = rows.at(-1)?.at;
      update({ rows, time, later });
      if (!maySee || time === undefined) return;
      api.servers(time, token).then(
        list => update({ servers: list.instances }),
        () => update({ servers: null }),
      );
    };
    load().catch(error => update({ problem: problemOf(error) }));
    return () => {
      isWanted = false;
    };
  }, [backend, store, room, at, maySee]);
  return past;
}
