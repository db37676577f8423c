// @vitest-environment happy-dom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, it, vi } from "vitest";
import type { Restriction } from "../../../contract/generated";
import { Browser, settle } from "../../../testing/browser";
import { AppContext } from "../../app-context";
import RestrictionsDialog from "./restrictions-dialog";

const browser = new Browser();
const root = document.createElement("main");

afterEach(() => {
  render(null, root);
  root.remove();
});

it("finds mutes and bans by what the list shows of them", async () => {
  const { backend, localStore } = browser;
  const mute = { version: 1, kind: "mute", by: "ada", at: "2026-11-01T05:30:00Z", lifted: false } as const;
  const restrictions: Restriction[] = Array.from({ length: 9 }, (_, n) => ({
    ...{ ...mute, id: `r${n}`, name: `user${n}` },
  }));
  restrictions[3] = { ...mute, id: "r3", name: "Кот", by: "root-cli", kind: "ban", reason: "Spam" };
  vi.spyOn(backend, "restrictions").mockResolvedValue(restrictions);
  const store = browser.open();
  const context = { backend, store, localStore, scope: "test", address: { kind: "demo" } as const };
  document.body.append(root);
  await act(async () => {
    render(
      <AppContext.Provider value={context}>
        <RestrictionsDialog onClose={() => undefined} />
      </AppContext.Provider>,
      root,
    );
    await settle();
  });
  await act(async () => void (await settle()));
  const field = root.querySelector("input[type=search]") as HTMLInputElement;
  const found = async (text: string) => {
    field.value = text;
    await act(() => void field.dispatchEvent(new Event("input", { bubbles: true })));
    return [...root.querySelectorAll(".restriction-whom bdi")].map(one => one.textContent);
  };
  for (const text of ["by root-cli", "BANNED until", "spam", "кот"])
    expect(await found(text)).toEqual(["Кот"]);
  expect(await found("by ada")).toHaveLength(8);
  expect(await found("by nobody")).toEqual([]);
});
