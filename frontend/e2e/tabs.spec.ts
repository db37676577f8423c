import { type BrowserContext, expect, type Page } from "@playwright/test";
import { create } from "./kit/instance-lifecycle";
import { joinChat, sendMessage, setHidden, test, uniqueName } from "./kit/portal";

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

/** Open two tabs of one user; the first one leads. */
async function openTwo(context: BrowserContext, url: string): Promise<[Page, Page]> {
  const first = await context.newPage();
  await first.goto(url);
  await joinChat(first, uniqueName("Ann"));
  const second = await context.newPage();
  await second.goto(url);
  await expect(second.locator(".person-name.own")).toBeVisible();
  return [first, second];
}

const stored = (page: Page, text: string) => page.locator(".message.own:not(.outgoing)", { hasText: text });

test("a tab takes over from one that crashed, and its message is sent once", async ({ context, portal }) => {
  const text = `after the crash ${Date.now()}`;
  const [first, second] = await openTwo(context, portal.url);
  const crashed = first.waitForEvent("crash");
  const devtools = await context.newCDPSession(first);
  // The page has no process that could respond.
  void devtools.send("Page.crash").catch(() => {});
  await crashed;
  await sendMessage(second, text);
  await expect(stored(second, text)).toHaveCount(1);
  await second.reload();
  await expect(stored(second, text)).toHaveCount(1);
});

test("a tab takes over from a suspended one, which follows it afterwards", async ({ context, portal }) => {
  const mark = Date.now().toString(36);
  const [first, second] = await openTwo(context, portal.url);
  const devtools = await context.newCDPSession(first);
  // The debugger suspends the tab at its next event, as a browser suspends tabs in the background.
  await devtools.send("Debugger.enable");
  const suspended = new Promise(resolve => devtools.once("Debugger.paused", resolve));
  await devtools.send("Debugger.pause");
  await sendMessage(second, `${mark} while suspended`);
  await suspended;
  await expect(second.locator(".message.outgoing", { hasText: `${mark} while suspended` })).toBeVisible();
  // The tab asks for a snapshot when the user returns to it.
  await setHidden(second, true);
  await setHidden(second, false);
  await expect(stored(second, `${mark} while suspended`)).toHaveCount(1);

  await devtools.send("Debugger.disable");
  await expect(stored(first, `${mark} while suspended`)).toHaveCount(1);
  await sendMessage(first, `${mark} back again`);
  for (const tab of [first, second])
    for (const text of ["while suspended", "back again"])
      await expect(stored(tab, `${mark} ${text}`)).toHaveCount(1);
});
