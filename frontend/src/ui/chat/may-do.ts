import type { Action } from "../../contract/generated";
import type { AppStore } from "../../session/app-store";

/** Whether to offer what needs a permission. In open mode, commands and logs are for all who have a name. */
export function mayDo({ access, chat }: Pick<AppStore, "access" | "chat">, action: Action): boolean {
  const hasName = chat.value.me !== undefined;
  switch (action) {
    case "command_servers":
      return access.mayCommand(hasName);
    case "see_logs":
      return access.maySeeLogs(hasName);
    default:
      return access.may(action);
  }
}
