import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Address } from "../api/address";
import type { Backend } from "../api/backend";
import type { AppStore } from "../session/app-store";
import type { LocalStore } from "../session/local-store";

export interface AppContextValue {
  readonly backend: Backend;
  readonly store: AppStore;
  readonly address: Address;
  readonly localStore: LocalStore;
  /** Identifies the server in the keys of browser storage. */
  readonly scope: string;
}

export const AppContext = createContext<AppContextValue | undefined>(undefined);

export function useApp(): AppContextValue {
  const context = useContext(AppContext);
  if (!context) throw new Error("useApp is called outside AppContext");
  return context;
}
