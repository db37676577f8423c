import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** A dialog about servers. `ids` and `id` are those of servers. */
export type ServerDialog =
  | { readonly kind: "create" }
  | { readonly kind: "adopt" }
  | { readonly kind: "schedules" }
  | { readonly kind: "edit"; readonly id: string }
  | { readonly kind: "remove"; readonly ids: readonly string[] };

export interface ServerDialogs {
  open(dialog: ServerDialog): void;
}

export const ServerDialogsContext = createContext<ServerDialogs>({ open: () => {} });

export const useServerDialogs = (): ServerDialogs => useContext(ServerDialogsContext);
