// @vitest-environment happy-dom
import { type ComponentChildren, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SessionView } from "../contract/generated";
import { Browser, join, settle } from "../testing/browser";
import { AppContext } from "./app-context";
import { ChatView } from "./chat/chat-view";
import { moderationTarget } from "./chat/moderation/moderate-button";
import ModerateDialog from "./chat/moderation/moderate-dialog";
import RestrictionsDialog from "./chat/moderation/restrictions-dialog";
import CloudView from "./cloud/cloud-view";
// The chat loads these on demand, which takes a moment that the test's clock doesn't have.
import "./chat/conversation";
import "./rooms/sidebar";

const browser = new Browser();
const NAME = "מוטה 674 (רע)!";
const OTHER = "محمد (علي)!";
let root: HTMLElement;

beforeEach(() => {
  root = document.body.appendChild(document.createElement("main"));
});
afterEach(() => {
  render(null, root);
  root.remove();
});

/** Show `view` to Ann, who may moderate. */
async function show(view: ComponentChildren) {
  const { backend, localStore } = browser;
  const MODERATOR: SessionView = { mode: "open", guests: true, may: ["chat", "see_servers", "moderate"] };
  vi.spyOn(backend, "session").mockResolvedValue(MODERATOR);
  const store = browser.open();
  await join(store);
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  await act(async () => {
    render(<AppContext.Provider value={context}>{view}</AppContext.Provider>, root);
    await settle();
  });
  return store;
}
const pass = (ms = 100) => act(async () => void (await settle(ms)));
const isolatedIn = (selector: string): (string | null)[] =>
  [...root.querySelectorAll(`${selector} bdi`)].map(one => one.textContent);

it("isolates names in the chat, and leaves the words around them as they are", async () => {
  const { chat } = browser.backend;
  await show(<ChatView />);
  const people = [chat.enter(NAME), chat.enter(OTHER)];
  await pass();
  for (const user of people) chat.type(user);
  await pass();
  const line = root.querySelector(".typing-line");
  expect(line?.textContent).toBe(`${NAME} and ${OTHER} are typing…`);
  expect(isolatedIn(".typing-line")).toEqual([NAME, OTHER]);
  const buttons = [...root.querySelectorAll<HTMLElement>(".person .moderate")];
  expect(buttons.map(one => one.getAttribute("aria-label"))).toEqual([
    `Moderate ${NAME}`,
    `Moderate ${OTHER}`,
  ]);
  expect(buttons[0]?.title).toBe(`Moderate \u2068${NAME}\u2069`);
});

it("isolates names in the list of /who, in the order of their joining", async () => {
  await show(<ChatView />);
  for (const name of [NAME, OTHER]) browser.backend.chat.enter(name);
  await pass();
  const field = root.querySelector("textarea") as HTMLTextAreaElement;
  field.value = " /who";
  await act(() => void field.dispatchEvent(new Event("input", { bubbles: true })));
  await act(() => void root.querySelector("form")?.dispatchEvent(new Event("submit", { cancelable: true })));
  expect(root.querySelector(".composer-note")?.textContent).toBe(`3 people here: Ann, ${NAME}, ${OTHER}`);
  expect(isolatedIn(".composer-note")).toEqual(["Ann", NAME, OTHER]);
});

it("isolates who gave a command, and the reason of a failure, in the Worklog", async () => {
  const { cloud } = browser.backend;
  cloud.failure = OTHER;
  await show(<CloudView />);
  cloud.command({ command: "create", key: "k" }, NAME);
  await pass(11_000);
  const failed = root.querySelector(".log-entry");
  expect(failed?.textContent).toContain(`create · ${NAME}`);
  expect([...(failed?.querySelectorAll("bdi") ?? [])].map(one => one.textContent)).toEqual([NAME, OTHER]);
  expect(root.querySelector<HTMLInputElement>('input[aria-label="Search the Worklog"]')?.dir).toBe("auto");
});

it("isolates the name in the heading of the moderation dialog", async () => {
  moderationTarget.value = { user: { id: "u9", name: NAME } };
  await show(<ModerateDialog onClose={() => undefined} />);
  expect(root.querySelector("h2")?.textContent).toBe(`Moderate ${NAME}`);
  expect(isolatedIn("h2")).toEqual([NAME]);
});

it("isolates names and gives reasons their direction in the list of mutes and bans", async () => {
  const mute = {
    version: 1,
    lifted: false,
    id: "r1",
    kind: "mute",
    name: NAME,
    by: OTHER,
    at: "2026-11-01T05:30:00Z",
  } as const;
  vi.spyOn(browser.backend, "restrictions").mockResolvedValue([{ ...mute, reason: `${NAME} x` }]);
  await show(<RestrictionsDialog onClose={() => undefined} />);
  await pass();
  expect(isolatedIn(".restriction")).toEqual([NAME, OTHER]);
  expect(root.querySelector<HTMLElement>(".restriction-why")?.dir).toBe("auto");
  expect(root.querySelector(".restriction button")?.getAttribute("aria-label")).toBe(`Lift: ${NAME}`);
});
