// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { Browser, join, settle } from "../../testing/browser";
import { AppContext } from "../app-context";
import { Composer } from "./composer";

const browser = new Browser();
const root = document.createElement("main");

afterEach(() => render(null, root));

it.each([7_200_000, -7_200_000])(
  "sends a typing notice every 2.5 s of typing, also after the clock was set by %i ms",
  async jump => {
    const { backend, localStore } = browser;
    const store = browser.open();
    await join(store);
    const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
    await act(() =>
      render(
        <AppContext.Provider value={context}>
          <Composer room="general" />
        </AppContext.Provider>,
        root,
      ),
    );
    const notices = vi.spyOn(store, "typing");
    const field = root.querySelector("textarea") as HTMLTextAreaElement;
    const type = async (text: string) => {
      field.value = text;
      await act(() => void field.dispatchEvent(new Event("input", { bubbles: true })));
    };
    await type("a");
    expect(notices).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + jump);
    await settle(2_000);
    await type("ab");
    expect(notices).toHaveBeenCalledTimes(1);
    await settle(600);
    await type("abc");
    expect(notices).toHaveBeenCalledTimes(2);
  },
);
