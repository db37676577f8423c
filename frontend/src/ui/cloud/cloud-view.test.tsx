// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it } from "vitest";
import type { AppStore } from "../../session/app-store";
import { Browser, join, settle } from "../../testing/browser";
import { AppContext } from "../app-context";
import CloudView from "./cloud-view";

const browser = new Browser();
let root: HTMLElement | undefined;

afterEach(() => {
  if (root) render(null, root);
  root?.remove();
});

/** Show the servers to the user of `store`. */
async function show(store: AppStore): Promise<HTMLElement> {
  const { backend, localStore } = browser;
  const element = document.body.appendChild(document.createElement("main"));
  root = element;
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(() =>
    render(
      <AppContext.Provider value={context}>
        <CloudView />
      </AppContext.Provider>,
      element,
    ),
  );
  return element;
}

async function pass(ms: number): Promise<void> {
  await act(async () => void (await settle(ms)));
}

const buttons = (element: HTMLElement): string[] =>
  [...element.querySelectorAll("button")].map(one => one.textContent ?? "");
const named = (element: HTMLElement, text: string): HTMLButtonElement => {
  const found = [...element.querySelectorAll("button")].find(one => one.textContent?.includes(text));
  if (!found) throw new Error(`there is no button ${text} among ${buttons(element)}`);
  return found;
};
const COMMANDS = /Create|Start|Stop|Restart|Remove|Undo/;

describe("without a server, the servers", () => {
  it("are unknown: no counts, no claims, no commands", async () => {
    browser.backend.setReachable(false);
    const store = browser.open();
    const element = await show(store);
    await pass(3_000);
    expect(element.textContent).not.toMatch(/running|No instances yet|Nothing has happened/);
    expect(element.textContent).toContain("Unknown: no connection to the server.");
    for (const one of element.querySelectorAll("button.create"))
      expect(one.getAttribute("aria-disabled")).toBe("true");
  });
});

describe("a visitor without a name", () => {
  it("shows the servers, asks for a name, and then offers commands", async () => {
    browser.backend.cloud.command({ command: "create", key: "k" }, "Bob");
    const store = browser.open();
    const element = await show(store);
    await pass(5_000);
    expect(element.textContent).toContain("Creating");
    expect(buttons(element).filter(text => COMMANDS.test(text))).toEqual([]);
    expect(element.textContent).toContain("choose a nickname first");
    await act(() => join(store));
    await pass(100);
    expect(buttons(element).filter(text => COMMANDS.test(text))).toContain("Undo");
    expect(element.textContent).not.toContain("choose a nickname first");
  });
});

describe("a failed creation", () => {
  it("stays beside Create with its reason, and can be tried again", async () => {
    const store = browser.open();
    await join(store);
    const element = await show(store);
    await pass(100);
    browser.backend.cloud.failure = "no room";
    await act(async () => named(element, "Create").click());
    await pass(11_000);
    expect(element.querySelector(".failure")?.textContent).toContain("no room");
    for (const time of element.querySelectorAll("time")) expect(time.title).toMatch(/UTC[+−]/);
    expect(element.querySelectorAll(".failure time")).toHaveLength(1);
    browser.backend.cloud.failure = undefined;
    await act(async () => named(element, "Retry").click());
    await pass(11_000);
    expect(element.querySelector(".failure")).toBeNull();
    expect(element.textContent).toContain("1 stopped");
  });

  it("of somebody else is in the Worklog only", async () => {
    const store = browser.open();
    await join(store);
    const element = await show(store);
    browser.backend.cloud.failure = "no room";
    browser.backend.cloud.command({ command: "create", key: "k" }, "Bob");
    await pass(11_000);
    expect(element.querySelector(".failure")).toBeNull();
    expect(element.textContent).toContain("no room");
  });
});

describe("the commands of a server", () => {
  it("stay in their places while one is pending, and Undo has another", async () => {
    const store = browser.open();
    await join(store);
    const element = await show(store);
    await pass(100);
    await act(async () => named(element, "Create").click());
    await pass(1_000);
    const actions = element.querySelector(".instance-actions");
    expect(actions?.textContent).toBe("StartRemove");
    expect(named(element, "Start").getAttribute("aria-disabled")).toBe("true");
    expect(named(element, "Undo").closest(".instance-actions")).toBeNull();
    await pass(10_000);
    expect(element.querySelector(".instance-actions")).toBe(actions);
    expect(named(element, "Start").getAttribute("aria-disabled")).toBe("false");
  });

  it("include Undo as long as the server may accept it, whatever the clock of this device says", async () => {
    browser.backend.cloud.clockAheadMs = -60_000;
    const store = browser.open();
    await join(store);
    const element = await show(store);
    await pass(100);
    await act(async () => named(element, "Create").click());
    await pass(1_000);
    expect(element.textContent).toMatch(/in (9|10) s/);
    expect(named(element, "Undo").disabled).toBe(false);
  });
});
