// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { Browser, join, settle } from "../../testing/browser";
import { AppContext } from "../app-context";
// Loaded before the time is faked, in which nothing loads.
import "../notifications/notifier";
import { notifications } from "../settings/preferences";
import { useNotifications } from "./use-notifications";

const browser = new Browser();
const root = document.createElement("main");

afterEach(() => {
  render(null, root);
  notifications.value = false;
  vi.unstubAllGlobals();
});

function Notifier() {
  useNotifications();
  return null;
}

it.each([
  ["that never responds", () => new Promise(() => {})],
  ["that rejects", () => Promise.reject(new DOMException("denied", "SecurityError"))],
  ["without a visible tab", async () => ({ held: [] })],
])("shows a notification with a lock manager %s", async (_manager, query) => {
  const shown: string[] = [];
  class Shown {
    static readonly permission = "granted";
    constructor(title: string) {
      shown.push(title);
    }
  }
  vi.stubGlobal("Notification", Shown);
  vi.stubGlobal("OPSROOM_WORKER", "");
  vi.stubGlobal("navigator", { locks: { query, request: async () => undefined } });
  vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  notifications.value = true;
  const { backend, localStore } = browser;
  const store = browser.open();
  await join(store);
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(() =>
    render(
      <AppContext.Provider value={context}>
        <Notifier />
      </AppContext.Provider>,
      root,
    ),
  );
  backend.chat.say(backend.chat.enter("Bob"), "hello");
  await settle(3_000);
  await vi.waitFor(() => expect(shown).toEqual(["Bob"]));
});
