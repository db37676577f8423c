import { expect } from "@playwright/test";
import { ROWS_PER_JUMP, rowsAddedBy, rowsPerJump, stableScrollTop } from "./kit/frames";
import { joinChat, sendAsNewUser, sendMessage, test, uniqueName } from "./kit/portal";

test("a conversation of 100,000 messages renders only the rows near the visible area", async ({
  page,
  portal,
}) => {
  // Generated in the page, because transferring twenty megabytes into it is slow.
  await page.addInitScript(() => {
    const ask = window.fetch;
    let given = false;
    window.fetch = async (input, init) => {
      if (!/\/messages\?/.test(String(input))) return ask(input, init);
      // There are no older messages.
      if (given) return Response.json({ messages: [] });
      given = true;
      const length = 100_000;
      const messages = Array.from({ length }, (_, i) => ({
        // Before all messages of the real server.
        seq: i - length,
        id: `m${i}`,
        room: "general",
        user: { id: `u${i % 5}`, name: `Person ${i % 5}` },
        text: `Message ${i} ${"and some more words ".repeat(i % 7)}`,
        timestamp: "2026-11-23T20:00:00.000Z",
      }));
      return Response.json({ messages });
    };
  });
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await expect(page.locator(".message", { hasText: "Message 99999 " })).toBeVisible();
  expect(await page.locator(".virtual-list-row").count()).toBeLessThan(40);
  const box = page.locator(".virtual-list-scroll");
  expect(await rowsPerJump(box)).toBeLessThan(ROWS_PER_JUMP);
  await box.evaluate(one => one.scrollTo(0, one.scrollHeight));
  const added = await rowsAddedBy(box, async () => {
    await sendMessage(page, "quick");
    await expect(page.locator(".message.own", { hasText: "quick" })).toBeVisible();
  });
  expect(added).toBeGreaterThan(0);
  expect(added).toBeLessThan(ROWS_PER_JUMP);
});

test("new messages keep the scroll position and are counted on a button", async ({
  browser,
  page,
  portal,
}) => {
  const other = await (await browser.newContext()).newPage();
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  for (let n = 0; n < 25; n += 1) await sendMessage(page, `filler ${n}\nsecond line`);
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await other.goto(portal.url);
  await joinChat(other, uniqueName("Bob"));
  const box = page.locator(".virtual-list-scroll");
  await box.evaluate(one => one.scrollTo(0, one.scrollHeight / 2));
  const before = await stableScrollTop(box);
  await sendMessage(other, "news 1");
  await sendMessage(other, "news 2");
  await expect(page.getByRole("button", { name: "2 new messages" })).toBeVisible();
  expect(Math.abs((await stableScrollTop(box)) - before)).toBeLessThan(3);
  await page.getByRole("button", { name: "2 new messages" }).click();
  await expect(page.locator(".message", { hasText: "news 2" })).toBeInViewport();
  await expect(page.locator(".virtual-list-new")).toHaveCount(0);
  await other.context().close();
});

test("scrolling back at the moment that a message arrives keeps the position", async ({
  browser,
  page,
  portal,
}) => {
  // This listener runs before the page's own, so that the scroll and the message are one task.
  await page.addInitScript(() => {
    window.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener("message", ({ data }) => {
          const box = document.querySelector(".virtual-list-scroll");
          if (String(data).includes("unlucky")) box?.scrollTo(0, box.scrollHeight / 2);
        });
      }
    };
  });
  const other = await (await browser.newContext()).newPage();
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendAsNewUser(
    page,
    Array.from({ length: 25 }, (_, n) => `filler ${n}\nsecond line`),
  );
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport();
  await other.goto(portal.url);
  await joinChat(other, uniqueName("Bob"));
  await sendMessage(other, "unlucky");
  await expect(page.getByRole("button", { name: "1 new message" })).toBeVisible();
  await expect(page.locator(".message", { hasText: "unlucky" })).not.toBeInViewport();
  await other.context().close();
});
