import { expect, type Page } from "@playwright/test";
import { create } from "./instance-lifecycle";
import { joinChat, sendMessage, test, uniqueName } from "./portal";

test("two tabs share one user and one socket, and the second takes over from the first", async ({
  context,
  page,
  portal,
}) => {
  const mark = Date.now().toString(36);
  const sockets: string[] = [];
  const count = (one: typeof page) => one.on("websocket", socket => void sockets.push(socket.url()));
  count(page);
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const second = await context.newPage();
  count(second);
  await second.goto(portal.url);
  await expect(second.locator(".person-name.own")).toBeVisible();
  await sendMessage(second, `${mark} from the second tab`);
  await expect(page.locator(".message.own", { hasText: `${mark} from the second tab` })).toBeVisible();
  expect(sockets).toHaveLength(1);
  await page.close();
  await sendMessage(second, `${mark} still here`);
  await expect(
    second.locator(".message.own:not(.outgoing)", { hasText: `${mark} still here` }),
  ).toBeVisible();
  expect(sockets).toHaveLength(2);
});

test("eight tabs share one socket and one event stream", async ({ context, portal }) => {
  const opened: string[] = [];
  const open = async (): Promise<Page> => {
    const page = await context.newPage();
    page.on("websocket", socket => void opened.push(new URL(socket.url()).pathname));
    page.on("request", request => {
      const { pathname } = new URL(request.url());
      if (pathname.endsWith("/events")) opened.push(pathname);
    });
    await page.goto(portal.url);
    return page;
  };
  const first = await open();
  await joinChat(first, uniqueName("Ann"));
  const tabs = [first, ...(await Promise.all(Array.from({ length: 7 }, open)))];
  const text = `to all ${Date.now()}`;
  await sendMessage(tabs[7] as Page, text);
  for (const tab of tabs)
    await expect(tab.locator(".message.own:not(.outgoing)", { hasText: text })).toBeVisible();
  const [commanding, watching] = [tabs[4] as Page, tabs[5] as Page];
  for (const tab of [commanding, watching]) await tab.goto(`${portal.url}/#/cloud`);
  const id = await create(commanding);
  await expect(watching.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
  expect(opened.sort()).toEqual(["/api/v1/chat/ws", "/api/v1/cloud/events"]);
});
