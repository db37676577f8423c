import { expect, type Page } from "@playwright/test";
import { joinChat, leaveChat, openAccount, type Portal, sendMessage, test, uniqueName } from "./kit/portal";

const stored = (page: Page, text: string) => page.locator(".message.own:not(.outgoing)", { hasText: text });
const notice = (page: Page) => page.getByText("Your browser doesn't save anything for this page");

test("with full storage, the page works in all tabs, and says that it keeps nothing", async ({
  context,
  page,
  portal,
}) => {
  await context.addInitScript(() => {
    const refuse = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    Storage.prototype.setItem = refuse;
  });
  await page.goto(portal.url);
  const name = uniqueName("Ann");
  await expect(notice(page)).toBeVisible();
  await joinChat(page, name);
  await expect(page.locator(".person-name.own")).toHaveAttribute("title", name);
  await sendMessage(page, `${name} here`);
  await expect(stored(page, `${name} here`)).toBeVisible();
  const second = await context.newPage();
  await second.goto(portal.url);
  await sendMessage(second, `${name} again`);
  await expect(stored(page, `${name} again`)).toBeVisible();
  await notice(page).locator("..").getByRole("button", { name: "Dismiss" }).click();
  await expect(notice(page)).toHaveCount(0);
});

test.describe("with blocked site data, the page leads alone, and works", () => {
  const storage = ["localStorage", "sessionStorage"];
  test("if tabs can talk to each other", ({ page, portal }) => leadsAlone(page, portal, storage));
  test("if they can't", ({ page, portal }) => leadsAlone(page, portal, [...storage, "BroadcastChannel"]));
});

/** Use a page for which the browser denies locks and what is `blocked`. */
async function leadsAlone(page: Page, portal: Portal, blocked: readonly string[]): Promise<void> {
  // What Chromium does if the user blocks cookies; the headless shell has no such setting.
  await page.addInitScript(denies => {
    const denied = () => new DOMException("denied", "SecurityError");
    Object.defineProperty(window, "lockRequests", { writable: true, value: 0 });
    LockManager.prototype.request = () => {
      (window as unknown as { lockRequests: number }).lockRequests += 1;
      return Promise.reject(denied());
    };
    LockManager.prototype.query = () => Promise.reject(denied());
    for (const kind of denies)
      Object.defineProperty(window, kind, {
        get: () => {
          throw denied();
        },
      });
  }, blocked);
  const streams: string[] = [];
  page.on("request", request => {
    if (request.url().includes("/events")) streams.push(request.url());
  });
  const problems: string[] = [];
  page.on("pageerror", error => void problems.push(error.message));
  await page.goto(portal.url);
  const name = uniqueName("Ann");
  await joinChat(page, name);
  await sendMessage(page, `${name} here`);
  await expect(stored(page, `${name} here`)).toBeVisible();
  await expect(notice(page)).toBeVisible();
  expect(streams).toHaveLength(1);
  expect(
    await page.evaluate(() => (window as unknown as { lockRequests: number }).lockRequests),
  ).toBeLessThan(3);
  expect(problems).toEqual([]);
}

test("a failed message stays failed after a reload", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const text = `never posted ${Date.now()}`;
  // The server refuses the room of the first message.
  let attempts = 0;
  await page.routeWebSocket(/chat\/ws/, socket => {
    const server = socket.connectToServer();
    socket.onMessage(message => {
      if (!String(message).includes(text)) return server.send(message);
      attempts += 1;
      server.send(String(message).replace('"general"', '"nowhere"'));
    });
  });
  await page.reload();
  await sendMessage(page, text);
  const failed = page.locator(".message.outgoing", { hasText: text });
  await expect(failed.getByRole("button", { name: "Retry" })).toBeVisible();
  await page.reload();
  await expect(failed.getByRole("button", { name: "Discard" })).toBeVisible();
  await sendMessage(page, "this one is posted");
  await expect(stored(page, "this one is posted")).toBeVisible();
  await expect(failed).toHaveCount(1);
  expect(attempts).toBe(1);
  await failed.getByRole("button", { name: "Discard" }).click();
  await expect(failed).toHaveCount(0);
});

test("what a user queued and drafted is not the next user's", async ({ page, portal }) => {
  const text = `from anna ${Date.now()}`;
  const [anna, boris] = [uniqueName("anna"), uniqueName("boris")];
  await page.goto(portal.url);
  await joinChat(page, anna);
  const field = page.getByRole("textbox", { name: "Type your message here" });
  // The menu is loaded a second after the page.
  await openAccount(page);
  await page.keyboard.press("Escape");
  await page.context().setOffline(true);
  await sendMessage(page, text);
  await expect(page.locator(".message.outgoing", { hasText: text })).toBeVisible();
  await field.fill("draft of anna");
  await leaveChat(page);
  await page.context().setOffline(false);
  await expect(page.locator(".connection")).toContainText("Live");
  await joinChat(page, boris);
  await expect(field).toHaveValue("");
  await sendMessage(page, `${text} was here`);
  await expect(stored(page, `${text} was here`)).toBeVisible();
  await expect(page.locator(".message", { hasText: text })).toHaveCount(1);
});
