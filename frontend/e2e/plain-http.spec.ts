import { expect, type Page } from "@playwright/test";
import { create } from "./kit/instance-lifecycle";
import { joinChat, sendMessage, test, uniqueName } from "./kit/portal";

test("eight tabs over plain http share one socket and one event stream", async ({ context, portal }) => {
  // A host of the local network: browsers have no Web Locks for pages that come from it over plain http.
  const url = portal.url.replace("127.0.0.1", "host.lan");
  // Two tabs may lead for a moment; the earlier one then closes what it has.
  const pages: Map<object, string>[] = [];
  const connected = () => pages.flatMap(connections => [...connections.values()]).sort();
  const open = async (): Promise<Page> => {
    const page = await context.newPage();
    const connections = new Map<object, string>();
    pages.push(connections);
    page.on("close", () => connections.clear());
    page.on("websocket", socket => {
      connections.set(socket, new URL(socket.url()).pathname);
      socket.on("close", () => connections.delete(socket));
    });
    page.on("request", request => {
      const { pathname } = new URL(request.url());
      if (pathname.endsWith("/events")) connections.set(request, pathname);
    });
    page.on("requestfinished", request => connections.delete(request));
    page.on("requestfailed", request => connections.delete(request));
    await page.goto(url);
    return page;
  };
  const first = await open();
  expect(await first.evaluate(() => "locks" in navigator)).toBe(false);
  await joinChat(first, uniqueName("Ann"));
  const tabs = [first];
  for (let n = 1; n < 8; n += 1) tabs.push(await open());
  const text = `to all ${Date.now()}`;
  await sendMessage(tabs[7] as Page, text);
  for (const tab of tabs)
    await expect(tab.locator(".message.own:not(.outgoing)", { hasText: text })).toBeVisible();
  for (const tab of [tabs[0], tabs[6]] as Page[]) await tab.goto(`${url}/#/cloud`);
  const id = await create(tabs[0] as Page);
  await expect((tabs[6] as Page).getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  const one = ["/api/v1/chat/ws", "/api/v1/cloud/events"];
  await expect.poll(connected).toEqual(one);

  // When the leading tab closes, another one takes over.
  await first.close();
  await sendMessage(tabs[5] as Page, `${text} again`);
  for (const tab of tabs.slice(1, 6))
    await expect(tab.locator(".message.own:not(.outgoing)", { hasText: `${text} again` })).toBeVisible();
  await expect.poll(connected).toEqual(one);
});
