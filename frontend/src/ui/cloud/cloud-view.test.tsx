// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, describe, expect, it } from "vitest";
import { DOCKER } from "../../mock-server/cloud/provider";
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
const COMMANDS = /Create|Start|Stop(?!ped)|Restart|Remove|Undo/;

/** A click as a pointer makes it. */
const click = (element: HTMLElement | null | undefined) => act(async () => void element?.click());
const rowOf = (element: HTMLElement, name: string): HTMLElement => {
  const row = element.querySelector<HTMLElement>(`article[aria-label="${name}"]`);
  if (!row) throw new Error(`there is no row of ${name}`);
  return row;
};
const labelled = (element: HTMLElement, label: string): HTMLElement => {
  const found = element.querySelector<HTMLElement>(`[aria-label="${label}"]`);
  if (!found) throw new Error(`nothing is called ${label}`);
  return found;
};

/** Show servers with these names to a user who may command them. */
async function showServers(...names: readonly string[]): Promise<HTMLElement> {
  for (const name of names) {
    const request = { command: "create", key: name, creation: { name, start: false } } as const;
    browser.backend.cloud.command(request, "Bob", new Date(Date.now() - 60_000));
  }
  const store = browser.open();
  await join(store);
  const element = await show(store);
  await pass(1_000);
  return element;
}

describe("without a server, the servers", () => {
  it("are unknown: no counts, no claims, no commands", async () => {
    browser.backend.setReachable(false);
    const store = browser.open();
    const element = await show(store);
    await pass(3_000);
    expect(element.textContent).not.toMatch(/Running|No servers yet|Nothing has happened/);
    expect(element.textContent).toContain("Unknown: no connection to Opsroom.");
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
  it("stays above the servers with its reason, and is tried again with what it asked for", async () => {
    const store = browser.open();
    await join(store);
    const element = await show(store);
    await pass(100);
    browser.backend.cloud.failure = "no room";
    const creation = { name: "web-1", labels: { env: "prod" }, start: true };
    await act(async () => void store.commandSender.run("create", undefined, creation));
    await pass(11_000);
    expect(element.querySelector(".failure")?.textContent).toContain("no room");
    for (const time of element.querySelectorAll("time")) expect(time.title).toMatch(/UTC[+−]/);
    browser.backend.cloud.failure = undefined;
    await click(named(element, "Retry"));
    await pass(11_000);
    expect(element.querySelector(".failure")).toBeNull();
    expect(store.cloud.value.instances.values().next().value).toMatchObject({
      ...{ name: "web-1", labels: { env: "prod" }, state: "running" },
    });
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

describe("a server's failure", () => {
  it("stays in its row, in red and with Retry, until it is dismissed, also after a reload", async () => {
    const element = await showServers("web-1");
    browser.backend.cloud.failure = "no such image";
    await click(labelled(element, "Start web-1"));
    await pass(11_000);
    expect(rowOf(element, "web-1").querySelector(".problem")?.textContent).toBe(
      "Start failed: no such image",
    );
    expect(labelled(element, "Retry: web-1").textContent).toBe("Retry");
    await click(labelled(element, "Dismiss: web-1"));
    expect(rowOf(element, "web-1").querySelector(".problem")).toBeNull();
    render(null, element);
    const again = await show(browser.open());
    await pass(1_000);
    expect(rowOf(again, "web-1").textContent).toContain("Stopped");
    expect(rowOf(again, "web-1").querySelector(".problem")).toBeNull();
  });
});

describe("the commands of a server", () => {
  it("stay in their places while one is pending, and Undo has another", async () => {
    const element = await showServers("web-1");
    const actions = rowOf(element, "web-1").querySelector(".server-actions");
    await click(labelled(element, "Start web-1"));
    await pass(1_000);
    expect(labelled(element, "Start web-1").getAttribute("aria-disabled")).toBe("true");
    expect(named(element, "Undo").closest(".server-actions")).toBeNull();
    await pass(10_000);
    expect(rowOf(element, "web-1").querySelector(".server-actions")).toBe(actions);
    expect(labelled(element, "Stop web-1").getAttribute("aria-disabled")).toBe("false");
  });

  it("include Undo as long as the server may accept it, whatever the clock of this device says", async () => {
    browser.backend.cloud.clockAheadMs = -60_000;
    const store = browser.open();
    await join(store);
    const element = await show(store);
    await pass(100);
    await act(async () => void store.commandSender.run("create"));
    await pass(1_000);
    expect(element.textContent).toMatch(/in (9|10) s/);
    expect(named(element, "Undo").disabled).toBe(false);
  });

  it("are disabled for a protected server, and say why", async () => {
    const element = await showServers("web-1");
    browser.backend.cloud.change("web-1", { protected: true }, "Bob");
    await pass(500);
    const remove = labelled(element, "Remove web-1");
    expect(remove.getAttribute("aria-disabled")).toBe("true");
    expect(remove.title).toContain("Protected");
    expect(labelled(element, "Start web-1").getAttribute("aria-disabled")).toBe("false");
  });
});

describe("the selected servers", () => {
  it("get a command together, and a refusal stays at the one that it is for", async () => {
    const element = await showServers("web-1", "web-2", "web-3");
    for (const name of ["web-1", "web-2"]) await click(labelled(element, `Select ${name}`));
    expect(element.querySelector(".bulk-count")?.textContent).toBe("2 selected");
    // Nobody has told the page yet.
    browser.backend.cloud.command({ command: "start", instanceId: "web-2", key: "k" }, "Bob");
    await click(named(element.querySelector<HTMLElement>(".bulk") ?? element, "Start"));
    await pass(500);
    expect(rowOf(element, "web-1").textContent).toContain("Starting");
    expect(rowOf(element, "web-3").textContent).toContain("Stopped");
    await pass(11_000);
    expect(rowOf(element, "web-1").textContent).toContain("Running");
    expect(rowOf(element, "web-2").textContent).toContain("Running");
    await click(named(element, "Clear"));
    expect(element.querySelector(".bulk")).toBeNull();
  });
});

describe("a server whose provider is away", () => {
  it("is unknown, last seen, and can't be commanded", async () => {
    const { cloud } = browser.backend;
    cloud.providers.add({ ...DOCKER, connected: true });
    const creation = { name: "web-1", template: "docker/web-small", start: true };
    cloud.command({ command: "create", key: "k", creation }, "Bob", new Date(Date.now() - 60_000));
    cloud.providers.setConnected("docker", false);
    await pass(300_000);
    const element = await showServers();
    expect(rowOf(element, "web-1").textContent).toContain("Unknown, last seen 5 min ago");
    expect(labelled(element, "Stop web-1").getAttribute("aria-disabled")).toBe("true");
    cloud.providers.setConnected("docker", true);
    await pass(20_000);
    expect(rowOf(element, "web-1").textContent).toContain("Running");
  });
});

describe("a lost server", () => {
  it("says so, and can only be removed from the list", async () => {
    const element = await showServers("web-1");
    browser.backend.cloud.outside("web-1", { condition: "lost" });
    await pass(500);
    const row = rowOf(element, "web-1");
    expect(row.textContent).toContain("Lost: removed outside Opsroom");
    expect(
      [...row.querySelectorAll(".server-actions button")].map(one => one.getAttribute("aria-label")),
    ).toEqual(["Remove web-1", "More: web-1"]);
    expect(element.textContent).toContain("outside");
  });
});
