import { useEffect } from "preact/hooks";
import { useApp } from "../../app-context";
import { botCommands } from "./bot-commands";

/** For how long what was found is not asked for again. */
const FRESH_MS = 10_000;

/** Asks which commands bots offer as soon as a command is begun in `area`. */
export function useBotCommands(area: HTMLTextAreaElement): void {
  const { backend, store } = useApp();
  useEffect(() => {
    let askedAt = Number.NEGATIVE_INFINITY;
    const onInput = () => {
      const now = performance.now();
      if (!area.value.startsWith("/") || now - askedAt < FRESH_MS) return;
      askedAt = now;
      backend
        .messages()
        .then(api => api.commands(store.access.readToken()))
        .then(
          found => {
            botCommands.value = found;
          },
          // Without them, they are not completed; what was known holds.
          () => undefined,
        );
    };
    area.addEventListener("input", onInput);
    return () => area.removeEventListener("input", onInput);
  }, [area, backend, store]);
}
