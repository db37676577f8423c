import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { nameOf } from "./kit/instance-lifecycle";
import { test as base, joinChat, sendMessage, uniqueName } from "./kit/portal";

const CLIENT = readFileSync(join(import.meta.dirname, "kit", "course-client.html"));

/** `client`: the address of a client for the course servers, at another origin than the portal. */
const test = base.extend<{ client: string }>({
  client: async ({ portal }, use) => {
    const server = createServer((_request, response) => {
      response.setHeader("Content-Type", "text/html").end(CLIENT);
    });
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await use(`http://localhost:${port}/?servers=${portal.url}`);
    server.closeAllConnections();
    server.close();
  },
});

const items = (page: Page, list: string, text: string | RegExp) =>
  page.getByRole("list", { name: list }).getByRole("listitem").filter({ hasText: text });

async function enter(page: Page, field: string, text: string): Promise<void> {
  await page.getByRole("textbox", { name: field }).fill(text);
  await page.keyboard.press("Enter");
}

test("browsers with a course client chat with each other and with the page", async ({
  browser,
  client,
  page,
  portal,
}) => {
  const [anna, boris, carl] = ["anna", "boris", "carl"].map(uniqueName) as [string, string, string];
  const [annas, boriss] = [await browser.newPage(), await browser.newPage({ userAgent: "another browser" })];
  await page.goto(portal.url);
  await joinChat(page, carl);
  for (const [own, name] of [
    [annas, anna],
    [boriss, boris],
  ] as const) {
    await own.goto(client);
    await expect(items(own, "Users", carl)).toHaveCount(1);
    await enter(own, "Name", name);
    await expect(items(own, "Users", name)).toHaveCount(1);
  }
  await enter(boriss, "Name", anna);
  await expect(items(boriss, "Messages", "This name is already taken!")).toBeVisible();

  await enter(annas, "Message", "привет & <b>hello</b>");
  await sendMessage(page, `hello, ${anna}`);
  for (const own of [annas, boriss]) {
    await expect(items(own, "Messages", `${anna}: привет & <b>hello</b>`)).toHaveCount(1);
    await expect(items(own, "Messages", `${carl}: hello, ${anna}`)).toHaveCount(1);
  }
  await expect(page.locator(".message", { hasText: "привет & <b>hello</b>" })).toContainText(anna);

  await annas.getByRole("button", { name: "Exit" }).click();
  await expect(items(boriss, "Users", anna)).toHaveCount(0);
  await boriss.close();
  await expect(items(annas, "Users", boris)).toHaveCount(0);
  await expect(items(annas, "Users", carl)).toHaveCount(1);
  await expect(page.locator(".person-name", { hasText: boris })).toHaveCount(0);
  await annas.close();
});

test("a browser with a course client commands servers, and follows what becomes of them", async ({
  client,
  page,
  portal,
}) => {
  await page.goto(client);
  await expect(items(page, "Events", 'socket: "connection"')).toHaveCount(1);
  const created = page.waitForResponse(response => response.request().method() === "POST");
  await page.getByRole("button", { name: "Create" }).click();
  expect(await (await created).json()).toEqual({ status: "OK" });
  // Other tests may create servers at the same portal meanwhile.
  const event = items(page, "Events", "Create command, stopped, true").last();
  const id = ((await event.textContent()) ?? "").split(":")[0] ?? "";
  await expect(items(page, "Events", `${id}: Created, stopped, true`)).toHaveCount(1);

  const server = items(page, "Servers", id);
  await expect(server).toContainText("stopped");
  await server.getByRole("button", { name: "Toggle" }).click();
  await expect(items(page, "Events", `${id}: Start command`)).toHaveCount(1);
  await expect(items(page, "Events", `socket: [{"id":"${id}","state":"running"}]`)).toHaveCount(1);
  await expect(items(page, "Events", `${id}: Started, running, true`)).toHaveCount(1);
  await expect(server).toContainText("running");

  const own = await page.context().newPage();
  await own.goto(`${portal.url}/#/cloud`);
  await expect(own.getByRole("article", { name: nameOf(id) })).toContainText("Running");
  await server.getByRole("button", { name: "Remove" }).click();
  await expect(items(page, "Events", `${id}: Removed`)).toHaveCount(1);
  await expect(server).toHaveCount(0);
  await expect(own.getByRole("article", { name: nameOf(id) })).toHaveCount(0);
  await own.close();
});
