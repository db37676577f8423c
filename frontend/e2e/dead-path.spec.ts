import { expect, type Page } from "@playwright/test";
import { pathTo } from "./kit/dead-path";
import { joinChat, sendMessage, testsWithPortal, uniqueName } from "./kit/portal";

/** Frequent pings, so that silence is noticed within seconds. */
const test = testsWithPortal(["--ephemeral"], { GATEWAY_PING_SECONDS: "1" });
// Both tests share one portal.
test.describe.configure({ mode: "default" });

/** Open two pages of two users, the first one behind a path that can go dead. */
async function openTwo(page: Page, other: Page, through: string, direct: string): Promise<string> {
  const name = uniqueName("Ann");
  await page.goto(through);
  await joinChat(page, name);
  await other.goto(direct);
  await joinChat(other, uniqueName("Bob"));
  await expect(other.locator(".person-name", { hasText: name })).toBeVisible();
  return name;
}

test("the page replaces a socket that goes dead without being closed", async ({ browser, page, portal }) => {
  const path = await pathTo(portal.url);
  const other = await browser.newPage();
  const name = await openTwo(page, other, path.url, portal.url);
  let sockets = 0;
  page.on("websocket", () => {
    sockets += 1;
  });
  path.swallow();
  await sendMessage(other, "unseen?");
  await expect(page.locator(".message-text", { hasText: "unseen?" })).toBeVisible();
  // More than one if the machine is so busy that heartbeats are late.
  expect(sockets).toBeGreaterThan(0);
  await expect(page.locator(".connection")).toContainText("Live");
  await expect(other.locator(".person-name", { hasText: name })).toBeVisible();
  await other.close();
  await path.close();
});

test("after a sleep, the page replaces its socket and its event stream at once", async ({
  browser,
  page,
  portal,
}) => {
  const path = await pathTo(portal.url);
  const other = await browser.newPage();
  await page.clock.install();
  const streams = page.waitForResponse(response =>
    new URL(response.url()).pathname.endsWith("/cloud/events"),
  );
  await openTwo(page, other, path.url, portal.url);
  await streams;
  // The server closes idle connections after seconds, so that a page that has slept has none to try in vain.
  await expect.poll(path.connections).toBe(2);
  const opened: string[] = [];
  page.on("websocket", socket => void opened.push(new URL(socket.url()).pathname));
  page.on("request", request => {
    const { pathname } = new URL(request.url());
    if (pathname.endsWith("/events")) opened.push(pathname);
  });
  path.swallow();
  await sendMessage(other, "while asleep");
  // As if the lid had been closed for an hour: timers fire once.
  await page.clock.fastForward("01:00:00");
  await page.clock.resume();
  await expect(page.locator(".message-text", { hasText: "while asleep" })).toBeVisible();
  await expect.poll(() => [...new Set(opened)].sort()).toEqual(["/api/v1/chat/ws", "/api/v1/cloud/events"]);
  await expect(page.locator(".connection")).toContainText("Live");
  await other.close();
  await path.close();
});
