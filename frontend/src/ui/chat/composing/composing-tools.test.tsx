// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import { Browser, join } from "../../../testing/browser";
import { AppContext } from "../../app-context";
import ComposingTools from "./composing-tools";

const browser = new Browser();
const root = document.createElement("form");
document.body.append(root);
afterEach(() => render(null, root));

async function openTools(): Promise<HTMLTextAreaElement> {
  const { backend, localStore } = browser;
  const store = browser.open();
  await join(store);
  backend.chat.enter("Bob");
  const area = document.createElement("textarea");
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(() =>
    render(
      <AppContext.Provider value={context}>
        <ComposingTools area={area} />
      </AppContext.Provider>,
      root,
    ),
  );
  root.prepend(area);
  return area;
}

const type = (area: HTMLTextAreaElement, text: string) =>
  act(() => {
    area.value = text;
    area.setSelectionRange(text.length, text.length);
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });

const press = (area: HTMLTextAreaElement, init: KeyboardEventInit) => {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  return act(() => void area.dispatchEvent(event)).then(() => event.defaultPrevented);
};

const options = () => [...root.querySelectorAll("[role=option]")].map(one => one.textContent);

it("completes what is typed with the keyboard", async () => {
  const area = await openTools();
  await type(area, "/");
  const offered = options();
  expect(offered.some(one => one?.includes("/who"))).toBe(true);
  expect(offered.some(one => one?.includes("/restart"))).toBe(true);
  expect(area.getAttribute("aria-controls")).toBe(root.querySelector("[role=listbox]")?.id);
  await type(area, "/w");
  expect(options()).toHaveLength(1);
  await press(area, { key: "ArrowDown" });
  const active = area.getAttribute("aria-activedescendant") ?? "";
  expect(document.getElementById(active)?.getAttribute("aria-selected")).toBe("true");
  expect(document.getElementById(active)?.textContent).toContain("/who");
  expect(await press(area, { key: "Enter" })).toBe(true);
  expect(area.value).toBe("/who ");
  expect(options()).toEqual([]);
  expect(area.hasAttribute("aria-controls")).toBe(false);
});

it("completes the commands of bots, which it asks for when a command is begun", async () => {
  const bot = {
    name: "deploy",
    bot: "ship",
    help: "Deploy a service",
    arguments: "SERVICE",
    role: "operator",
  } as const;
  browser.backend.chat.botCommands.push(bot);
  const area = await openTools();
  await type(area, "/dep");
  await vi.waitFor(() => expect(options().join()).toContain("/deploy SERVICE"));
  await press(area, { key: "Enter" });
  expect(area.value).toBe("/deploy ");
});

it("takes what was chosen a moment ago, before that is shown", async () => {
  const area = await openTools();
  await type(area, "/re");
  await type(area, "/");
  const second = options()[1]?.match(/^\/\w+/)?.[0];
  await act(() => {
    for (const key of ["ArrowDown", "Enter"]) {
      area.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
  });
  expect(area.value).toBe(`${second} `);
});

it("leaves the keys alone if there is nothing to complete, and after Escape", async () => {
  const area = await openTools();
  await type(area, "hello");
  expect(await press(area, { key: "Enter" })).toBe(false);
  await type(area, "/he");
  expect(await press(area, { key: "Escape" })).toBe(true);
  expect(options()).toEqual([]);
  expect(await press(area, { key: "Enter" })).toBe(false);
});

it("formats with keys, on any keyboard's layout", async () => {
  const area = await openTools();
  await type(area, "word");
  area.setSelectionRange(0, 4);
  expect(await press(area, { key: "и", code: "KeyB", ctrlKey: true })).toBe(true);
  expect(area.value).toBe("**word**");
  await press(area, { key: "b", code: "KeyB", metaKey: true });
  expect(area.value).toBe("word");
  expect(await press(area, { key: "b", code: "KeyB" })).toBe(false);
});
