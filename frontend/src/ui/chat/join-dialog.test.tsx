// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Browser, settle } from "../../testing/browser";
import { AppContext } from "../app-context";
import JoinDialog from "./join-dialog";

const browser = new Browser();
const FAMILY = "👨‍👩‍👧‍👦";
let root: HTMLElement;

beforeEach(() => {
  root = document.body.appendChild(document.createElement("main"));
});
afterEach(() => {
  render(null, root);
  root.remove();
});

/** Try to join as `name`; returns what the dialog says. */
async function join(name: string): Promise<string> {
  const { backend, localStore } = browser;
  const store = browser.open();
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(() =>
    render(
      <AppContext.Provider value={context}>
        <JoinDialog />
      </AppContext.Provider>,
      root,
    ),
  );
  const field = root.querySelector("input") as HTMLInputElement;
  field.value = name;
  await act(() => void field.dispatchEvent(new Event("input", { bubbles: true })));
  await act(async () => {
    root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true }));
    await settle();
  });
  return root.querySelector(".problem")?.textContent ?? "";
}

it.each([
  [FAMILY.repeat(5), "35 code points"],
  [` ${FAMILY.repeat(5)}\u3000`, "35 code points"],
  ["x".repeat(33), "33 characters"],
])("says how long a name is that is too long: %j", async (name, length) => {
  expect(await join(name)).toContain(`${length}; the limit is 32`);
});

it.each(["a\u200bb", "Вaся"])("says what a name of the right length may contain: %j", async name => {
  expect(await join(name)).toBe("Use 1 to 32 visible characters, and only one alphabet in each word.");
});

it.each([FAMILY.repeat(4), "e\u0301".repeat(32), `${"x".repeat(16)}  \u3000${"y".repeat(15)}`])(
  "accepts a name with as many code points as the server counts: %j",
  async name => {
    expect(await join(name)).toBe("");
    expect(browser.backend.chat.users()).toHaveLength(1);
  },
);
