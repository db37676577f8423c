import { expect } from "@playwright/test";
import { costOfScrolling, settledScroll } from "./frames";
import { enter, freshName, say, test } from "./portal";

/**
 * A jump to another place, all rows new, takes about 10 ms of the processor: within a frame. Twice that and half
 * as much again is for machines that do other things as well; whatever grows with the length of the list is far beyond.
 */
const SMOOTH_MS = 25;

test("a conversation of 100,000 messages stays smooth", async ({ page, portal }) => {
  const messages = Array.from({ length: 100_000 }, (_, i) => ({
    // Before all that the server really holds.
    seq: i - 100_000,
    id: `m${i}`,
    room: "general",
    user: { id: `u${i % 5}`, name: `Person ${i % 5}` },
    text: `Message ${i} ${"and some more words ".repeat(i % 7)}`,
    timestamp: "2026-11-23T20:00:00.000Z",
  }));
  await page.goto(portal.url);
  await page.route("**/messages?*", route => route.fulfill({ json: { messages } }));
  await enter(page, freshName("Ann"));
  await expect(page.locator(".message", { hasText: "Message 99999 " })).toBeVisible();
  expect(await page.locator(".windowed-row").count()).toBeLessThan(40);
  expect(await costOfScrolling(page, page.locator(".windowed-scroll"))).toBeLessThan(SMOOTH_MS);
  await page.locator(".windowed-scroll").evaluate(box => box.scrollTo(0, box.scrollHeight));
  const started = Date.now();
  await say(page, "quick");
  await expect(page.locator(".message.own", { hasText: "quick" })).toBeVisible();
  expect(Date.now() - started).toBeLessThan(2_000);
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
  const box = page.locator(".windowed-scroll");
  await box.evaluate(one => one.scrollTo(0, one.scrollHeight / 2));
  const before = await settledScroll(box);
  await say(other, "news 1");
  await say(other, "news 2");
  await expect(page.getByRole("button", { name: "2 new messages" })).toBeVisible();
  expect(Math.abs((await settledScroll(box)) - before)).toBeLessThan(3);
  await page.getByRole("button", { name: "2 new messages" }).click();
  await expect(page.locator(".message", { hasText: "news 2" })).toBeInViewport();
  await expect(page.locator(".windowed-new")).toHaveCount(0);
  await other.context().close();
});

test("10,000 instances stay smooth", async ({ page, portal }) => {
  const instances = Array.from({ length: 10_000 }, (_, i) => ({
    id: `${String(i).padStart(8, "0")}-aaaa-4bbb-8ccc-dddddddddddd`,
    state: i % 3 === 0 ? "running" : "stopped",
    timestamp: "2026-11-23T20:00:00.000Z",
  }));
  await page.route("**/cloud/instances", async route => {
    if (route.request().method() !== "GET") return route.fallback();
    const answer = await route.fetch();
    return route.fulfill({ json: { ...(await answer.json()), instances } });
  });
  await page.goto(`${portal.url}/#/cloud`);
  await expect(page.locator(".counts")).toContainText("3,334 running");
  expect(await page.locator(".instance").count()).toBeLessThan(30);
  const list = page.locator(".widget").first().locator(".windowed-scroll");
  expect(await costOfScrolling(page, list)).toBeLessThan(SMOOTH_MS);
  const started = Date.now();
  await page.getByRole("searchbox", { name: "Find by id" }).fill("00004711");
  await expect(page.locator(".instance")).toHaveCount(1);
  expect(Date.now() - started).toBeLessThan(1_000);
});
