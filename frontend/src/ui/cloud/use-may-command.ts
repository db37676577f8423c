import { useApp } from "../app-context";

/** Whether to offer commands on servers to the user. */
export function useMayCommand(): boolean {
  const { access, chat } = useApp().store;
  return access.mayCommand(chat.value.me !== undefined);
}
