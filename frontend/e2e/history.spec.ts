import { expect } from "@playwright/test";
import { settledScroll } from "./frames";
import { enter, freshName, tell, test } from "./portal";

test("earlier messages load on scrolling up, with the place kept", async ({ page, portal }) => {
  const mark = freshName("m");
  await page.goto(portal.url);
  const texts = Array.from({ length: 150 }, (_, n) => `${mark} ${n}.${"\nand more".repeat(n % 4)}`);
  await tell(page, texts);
  await enter(page, freshName("Ann"));
  await expect(page.getByText(`${mark} 149.`)).toBeInViewport();
  const box = page.locator(".virtual-list-scroll");
  const shown = () => box.evaluate(element => Number(element.querySelector("li")?.ariaSetSize));
  const known = await shown();
  expect(known).toBeLessThan(100);

  // As near to the top as asks for more: the row that is read has to stay where it is.
  await box.evaluate(element => element.scrollTo(0, 300));
  await expect.poll(shown).toBeGreaterThan(known);
  await settledScroll(box);
  const read = await box.evaluate(element => {
    const { top } = element.getBoundingClientRect();
    const row = [...element.querySelectorAll<HTMLElement>(".message-text")].find(
      one => one.getBoundingClientRect().top > top,
    );
    return { text: row?.innerText ?? "", at: row?.getBoundingClientRect().top ?? 0 };
  });
  const number = Number(/ (\d+)\./.exec(read.text)?.[1]);
  // 60 messages of the first page were there: the reader was among the oldest of them.
  expect(number).toBeGreaterThan(149 - 60);
  expect(number).toBeLessThan(149 - 40);

  for (
    let pages = 0;
    pages < 10 && !(await page.getByText("This is where the conversation begins").isVisible());
  ) {
    const before = await shown();
    await box.evaluate(element => element.scrollTo(0, 0));
    await expect
      .poll(async () => (await shown()) > before || (await page.getByText("conversation begins").isVisible()))
      .toBe(true);
    pages += 1;
  }
  await box.evaluate(element => element.scrollTo(0, 0));
  await expect(page.getByText("This is where the conversation begins")).toBeInViewport();
});
