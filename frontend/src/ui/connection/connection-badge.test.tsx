// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { Browser, settle } from "../../testing/browser";
import { AppContext } from "../app-context";
import { ConnectionBadge } from "./connection-badge";

const browser = new Browser();
const root = document.createElement("main");

afterEach(() => render(null, root));

it.each([0, -7_200_000])("counts down to the next attempt, also if the clock is set by %i ms", async jump => {
  const { backend, localStore } = browser;
  const store = browser.open();
  await settle();
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(() =>
    render(
      <AppContext.Provider value={context}>
        <ConnectionBadge />
      </AppContext.Provider>,
      root,
    ),
  );
  await act(async () => {
    backend.cloud.feed.cutAll(20_000);
    await settle(300);
  });
  expect(root.textContent).toMatch(/in 2[01] s/);
  await act(async () => {
    vi.setSystemTime(Date.now() + jump);
    await settle(10_000);
  });
  expect(root.textContent).toMatch(/in 1[01] s/);
});
