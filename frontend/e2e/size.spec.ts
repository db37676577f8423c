import { expect } from "@playwright/test";
import { ROWS_PER_JUMP, rowsAddedBy, rowsPerJump, settledScroll } from "./frames";
import { enter, freshName, say, tell, test } from "./portal";

test("a conversation of 100,000 messages draws only the rows that are near the view", async ({
  page,
  portal,
}) => {
  // Made within the page: twenty megabytes are long on their way into it.
  await page.addInitScript(() => {
    const ask = window.fetch;
    let given = false;
    window.fetch = async (input, init) => {
      if (!/\/messages\?/.test(String(input))) return ask(input, init);
      // Nothing is older than what came first.
      if (given) return Response.json({ messages: [] });
      given = true;
      const length = 100_000;
      const messages = Array.from({ length }, (_, i) => ({
        // Before all that the server really holds.
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
  await enter(page, freshName("Ann"));
  await expect(page.locator(".message", { hasText: "Message 99999 " })).toBeVisible();
  expect(await page.locator(".virtual-list-row").count()).toBeLessThan(40);
  const box = page.locator(".virtual-list-scroll");
  expect(await rowsPerJump(box)).toBeLessThan(ROWS_PER_JUMP);
  await box.evaluate(one => one.scrollTo(0, one.scrollHeight));
  const added = await rowsAddedBy(box, async () => {
    await say(page, "quick");
    await expect(page.locator(".message.own", { hasText: "quick" })).toBeVisible();
  });
  expect(added).toBeGreaterThan(0);
  expect(added).toBeLessThan(ROWS_PER_JUMP);
});

test("what is read keeps its place when messages come, and is told of by a number", async ({
  browser,
  page,
  portal,
}) => {
  const other = await (await browser.newContext()).newPage();
  await page.goto(portal.url);
  await enter(page, freshName("Ann"));
  for (let n = 0; n < 25; n += 1) await say(page, `filler ${n}\nsecond line`);
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await other.goto(portal.url);
  await enter(other, freshName("Bob"));
  const box = page.locator(".virtual-list-scroll");
  await box.evaluate(one => one.scrollTo(0, one.scrollHeight / 2));
  const before = await settledScroll(box);
  await say(other, "news 1");
  await say(other, "news 2");
  await expect(page.getByRole("button", { name: "2 new messages" })).toBeVisible();
  expect(Math.abs((await settledScroll(box)) - before)).toBeLessThan(3);
  await page.getByRole("button", { name: "2 new messages" }).click();
  await expect(page.locator(".message", { hasText: "news 2" })).toBeInViewport();
  await expect(page.locator(".virtual-list-new")).toHaveCount(0);
  await other.context().close();
});

test("who scrolls back in the very moment that a message comes stays there", async ({
  browser,
  page,
  portal,
}) => {
  // The listener of the constructor hears a frame before the page's own: the scroll and the message are one task.
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
  await enter(page, freshName("Ann"));
  await tell(
    page,
    Array.from({ length: 25 }, (_, n) => `filler ${n}\nsecond line`),
  );
  await expect(page.locator(".message", { hasText: "filler 24" })).toBeInViewport();
  await other.goto(portal.url);
  await enter(other, freshName("Bob"));
  await say(other, "unlucky");
  await expect(page.getByRole("button", { name: "1 new message" })).toBeVisible();
  await expect(page.locator(".message", { hasText: "unlucky" })).not.toBeInViewport();
  await other.context().close();
});
