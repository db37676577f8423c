import { expect } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { stableScrollTop } from "./kit/frames";
import { joinChat, sendAsNewUser, sendMessage, test, uniqueName } from "./kit/portal";

test("scrolling up loads earlier messages and keeps the scroll position", async ({ page, portal }) => {
  const mark = uniqueName("m");
  await page.goto(portal.url);
  const texts = Array.from({ length: 150 }, (_, n) => `${mark} ${n}.${"\nand more".repeat(n % 4)}`);
  await sendAsNewUser(page, texts);
  await joinChat(page, uniqueName("Ann"));
  await expect(page.getByText(`${mark} 149.`)).toBeInViewport();
  const box = page.locator(".virtual-list-scroll");
  const shown = () => box.evaluate(element => Number(element.querySelector("li")?.ariaSetSize));
  const known = await shown();
  expect(known).toBeLessThan(100);

  // Near enough to the top to load more: the visible row must not move.
  await box.evaluate(element => element.scrollTo(0, 300));
  await expect.poll(shown).toBeGreaterThan(known);
  await stableScrollTop(box);
  const read = await box.evaluate(element => {
    const { top } = element.getBoundingClientRect();
    const row = [...element.querySelectorAll<HTMLElement>(".message-text")].find(
      one => one.getBoundingClientRect().top > top,
    );
    return { text: row?.innerText ?? "", at: row?.getBoundingClientRect().top ?? 0 };
  });
  const number = Number(/ (\d+)\./.exec(read.text)?.[1]);
  // The visible row is among the oldest of the 60 messages of the first page.
  expect(number).toBeGreaterThan(149 - 60);
  expect(number).toBeLessThan(149 - 40);

  for (
    let pages = 0;
    pages < 10 && !(await page.getByText("This is the start of the conversation").isVisible());
  ) {
    const before = await shown();
    await box.evaluate(element => element.scrollTo(0, 0));
    await expect
      .poll(async () => (await shown()) > before || (await page.getByText("conversation begins").isVisible()))
      .toBe(true);
    pages += 1;
  }
  await box.evaluate(element => element.scrollTo(0, 0));
  await expect(page.getByText("This is the start of the conversation")).toBeInViewport();
});

test("while the server prepares the history, the page says so, and one can write", async ({
  page,
  portal,
}) => {
  const mark = uniqueName("m");
  await page.goto(portal.url);
  await sendAsNewUser(page, [`${mark} before`]);
  const problem = {
    ...{ type: "about:blank", title: "Service unavailable", status: 503, code: "unavailable", retryAfter: 1 },
    detail: "the message index is being built; try again",
  };
  await page.route(/\/rooms\/general\/messages\?/, route =>
    route.fulfill({
      ...{ status: 503, contentType: "application/problem+json", body: JSON.stringify(problem) },
    }),
  );
  await joinChat(page, uniqueName("Ann"));
  await expect(page.getByRole("status").filter({ hasText: "preparing earlier messages" })).toBeVisible();
  await expectAccessible(page);
  await sendMessage(page, `${mark} meanwhile`);
  await expect(page.locator(".message:not(.outgoing)", { hasText: `${mark} meanwhile` })).toBeVisible();
  await expect(page.locator(".list-start")).toContainText("preparing earlier messages");
  await page.unroute(/\/rooms\/general\/messages\?/);
  await expect(page.getByText(`${mark} before`)).toBeVisible();
  await expect(page.locator(".list-start")).not.toContainText("preparing");
});
