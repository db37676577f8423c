// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it } from "vitest";
import type { Card, Message, SessionView } from "../../../contract/generated";
import { cardOf } from "../../../mock-server/commands";
import type { AppStore } from "../../../session/app-store";
import { Browser, join, messagesOf, settle } from "../../../testing/browser";
import { AppContext } from "../../app-context";
import MessageCard from "./message-card";

const browser = new Browser();
const root = document.createElement("div");
document.body.append(root);
afterEach(() => render(null, root));

const BOT = { id: "bot-hook-1", name: "alertmanager" };
const ALERT: Card = cardOf({
  ...{ kind: "alert", status: "firing", title: "web-1 does not answer", source: "alertmanager" },
  ...{ severity: "critical", text: "up == 0 for **2m**" },
  fields: [
    { name: "job", value: "node", short: true },
    { name: "why", value: "<img src=x onerror=alert(1)>" },
  ],
});

async function open(): Promise<AppStore> {
  const store = browser.open();
  await join(store);
  await pass();
  return store;
}

const draw = (store: AppStore, message: Message) => {
  const { backend, localStore } = browser;
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  return act(() =>
    render(
      <AppContext.Provider value={context}>
        <MessageCard message={message} />
      </AppContext.Provider>,
      root,
    ),
  );
};

const post = (card: Card): Message => browser.backend.chat.postCard(BOT, card, { room: "general" });
const text = () => root.textContent ?? "";
const button = (name: RegExp | string) =>
  [...root.querySelectorAll<HTMLElement>("button, a.button")].find(one =>
    `${one.getAttribute("aria-label") ?? ""}${one.textContent}`.match(name),
  );
const press = (name: RegExp | string) => act(() => button(name)?.click());
/** Let time pass, and draw what has come. */
const pass = (ms = 100) =>
  act(async () => {
    await settle(ms);
  });

async function createServer(name: string): Promise<string> {
  const { cloud } = browser.backend;
  const request = { command: "create" as const, creation: { name, start: true }, key: `create ${name}` };
  const { instanceId } = cloud.command(request, "Ann");
  await pass(10_100);
  return instanceId;
}

it("shows what an alert says, its status in words, and nothing of it as HTML", async () => {
  const store = await open();
  await draw(store, post(ALERT));
  for (const part of ["Firing", "web-1 does not answer", "critical", "alertmanager", "job", "node"])
    expect(text()).toContain(part);
  expect(text()).toContain("<img src=x onerror=alert(1)>");
  expect(root.querySelector("img")).toBeNull();
  expect(root.querySelector("[role=group]")?.getAttribute("aria-label")).toBe(
    "Firing: web-1 does not answer",
  );
});

it("follows an update of the card", async () => {
  const store = await open();
  const { id } = post(ALERT);
  await pass();
  browser.backend.chat.updateCard(id, { ...ALERT, status: "resolved" });
  await pass();
  const [message] = messagesOf(store);
  expect(message?.card?.status).toBe("resolved");
  if (message) await draw(store, message);
  expect(text()).toContain("Resolved");
});

it("opens only addresses of the web", async () => {
  const store = await open();
  const actions = [
    { label: "Runbook", url: "https://example.com/runbook" },
    { label: "Trap", url: "javascript:alert(1)" },
    { label: "File", url: "file:///etc/passwd" },
  ];
  await draw(store, post({ ...ALERT, link: "javascript:alert(1)", actions }));
  expect([...root.querySelectorAll("a")].map(one => one.getAttribute("href"))).toEqual([
    "https://example.com/runbook",
    "#/past/general?at=1",
  ]);
  const link = button("Runbook");
  expect(link?.getAttribute("rel")).toContain("noopener");
  expect(link?.getAttribute("target")).toBe("_blank");
});

it("says the command of a button in the thread of the card, once, and asks first if it changes servers", async () => {
  const store = await open();
  await createServer("web-1");
  const actions = [
    { label: "Servers", command: "/ps web-1" },
    { label: "Fix it", command: "/restart web-1" },
    { label: "Unknown", command: "/launch missiles" },
  ];
  const message = post({ ...ALERT, actions });
  await draw(store, message);
  expect(button("Unknown")).toBeUndefined();
  await press("Servers");
  await press("Servers");
  await pass();
  const said = () => messagesOf(store).filter(one => one.user.name === "Ann");
  expect(said().map(one => [one.text, one.thread])).toEqual([["/ps web-1", message.id]]);
  await press("Fix it");
  expect(said()).toHaveLength(1);
  expect(root.querySelector("dialog")?.textContent).toContain("/restart web-1");
  await act(() => root.querySelector<HTMLFormElement>("dialog form")?.requestSubmit());
  await pass();
  expect(said().map(one => one.text)).toEqual(["/ps web-1", "/restart web-1"]);
});

it("offers nobody what their role doesn't allow", async () => {
  const store = await open();
  const view: SessionView = { mode: "token", guests: true, may: ["register", "chat"] };
  browser.backend.session = async () => view;
  store.reconnect();
  await pass(5_000);
  store.onClockSet();
  await pass();
  const actions = [{ label: "Fix it", command: "/restart web-1" }];
  await draw(store, post({ ...ALERT, actions }));
  expect(store.access.view.value).toEqual(view);
  expect(button("Fix it")).toBeUndefined();
});

it("draws an operation from the servers' state: it counts down, can be undone, and says the outcome", async () => {
  const store = await open();
  const id = await createServer("web-1");
  const operation = browser.backend.cloud.command({ command: "restart", instanceId: id, key: "k1" }, "Bob");
  const card = cardOf({ kind: "operation", status: "running", title: "Restart web-1" });
  await pass();
  await draw(store, post({ ...card, operation: operation.id, instances: [id] }));
  expect(text()).toContain("In progress");
  expect(text()).toMatch(/in 10 s|in 9 s/);
  await press(/Undo/);
  await pass();
  expect(text()).toContain("Undone");
  expect(text()).toContain("Ann");
});

it("says why an operation failed, and gives it again where the card is", async () => {
  const store = await open();
  const id = await createServer("web-1");
  const { cloud } = browser.backend;
  cloud.failure = "no such image";
  const operation = cloud.command({ command: "restart", instanceId: id, key: "k1" }, "Bob");
  await pass(10_100);
  cloud.failure = undefined;
  const card = cardOf({ kind: "operation", status: "running", title: "Restart web-1" });
  await draw(store, post({ ...card, operation: operation.id, instances: [id] }));
  expect(text()).toContain("Failed");
  expect(text()).toContain("no such image");
  await press(/Retry/);
  await pass();
  expect(messagesOf(store).find(one => one.user.name === "Ann")?.text).toBe("/restart web-1");
  await pass();
  // Another command of the server doesn't change what the card says of its own.
  expect(text()).toContain("no such image");
  expect(button(/Retry/)).toBeUndefined();
});

it("shows the stored outcome of an operation that the page no longer knows", async () => {
  const store = await open();
  const card = cardOf({
    kind: "operation",
    status: "succeeded",
    title: "Restart web-1",
    text: "It took 12 s.",
  });
  await draw(store, post({ ...card, operation: "o-forgotten", instances: ["gone"] }));
  for (const part of ["Done", "Restart web-1", "It took 12 s."]) expect(text()).toContain(part);
});

it("shows servers as they are now, with commands", async () => {
  const store = await open();
  const id = await createServer("web-1");
  const card = cardOf({ kind: "servers", status: "info", title: "1 server", text: "web-1 running" });
  await draw(store, post({ ...card, instances: [id] }));
  expect(text()).toContain("Running");
  await press("Stop web-1");
  await pass();
  expect(text()).toContain("Stopping");
  await pass(10_100);
  expect(text()).toContain("Stopped");
  expect(button("Start web-1")).toBeDefined();
});
