import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Address } from "../api/address";
import type { Backend } from "../api/backend";
import type { Keep } from "../session/keep";
import type { Session } from "../session/session";

export interface Live {
  readonly backend: Backend;
  readonly session: Session;
  readonly address: Address;
  readonly keep: Keep;
  /** Keys what the browser keeps about this server. */
  readonly scope: string;
}

export const LiveContext = createContext<Live | undefined>(undefined);

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("rendered outside of a session");
  return live;
}
