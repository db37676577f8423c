import { expect, type Locator } from "@playwright/test";
import { nameOf } from "./kit/instance-lifecycle";
import { test, uniqueName } from "./kit/portal";

// What a new person wants to do, counted in presses and typed texts. How long it takes is an annotation of the test,
// which the JSON report has: on a busy machine it means nothing. people.spec.ts counts how to invite a colleague.

test("a new person sends a message, starts a server and finds who stopped it, in few presses", async ({
  page,
  portal,
}, info) => {
  let presses = 0;
  const press = async (target: Locator) => {
    presses += 1;
    await target.click();
  };
  const type = async (text: string) => {
    presses += 1;
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  };
  const task = async (name: string, limit: number, work: () => Promise<void>) => {
    presses = 0;
    const began = performance.now();
    await work();
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    info.annotations.push({ type: name, description: `${presses} presses and texts, ${seconds} s` });
    expect(presses).toBeLessThanOrEqual(limit);
  };
  const me = uniqueName("Nina");
  await task("first message", 2, async () => {
    await page.goto(portal.url);
    await page.getByRole("textbox", { name: "Nickname" }).waitFor();
    await type(me);
    await expect(page.getByRole("textbox", { name: "Type your message here" })).toBeFocused();
    await type("Hello from Nina");
    await expect(page.locator(".message.own")).toHaveText(/Hello from Nina/);
    await expect(page.locator(".message.own")).not.toContainText("sending");
  });
  await page.getByRole("link", { name: "Servers", exact: true }).click();
  let server = "";
  await task("create and start a server", 2, async () => {
    await press(page.getByRole("button", { name: "Create server" }));
    const created = page.waitForResponse(answer => answer.request().method() === "POST");
    await press(page.getByRole("button", { name: "Create and start" }));
    const { operation } = await (await created).json();
    server = nameOf(operation.instanceId);
    await expect(page.getByRole("article", { name: server, exact: true })).toContainText("Running");
  });
  await page.getByRole("button", { name: `Stop ${server}` }).click();
  await task("who stopped a server", 3, async () => {
    await press(page.getByRole("link", { name: "Activity" }));
    await press(page.getByRole("searchbox", { name: "Find a server or a word" }));
    await type(server);
    const stopped = page.locator(".happening", { hasText: "Stopped" }).filter({ hasText: server });
    await expect(stopped).toContainText(me);
  });
});
