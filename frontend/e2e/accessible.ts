import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { settledLooks } from "./frames";

/** Fail unless axe finds nothing wrong with `page` as it is once it stands still. */
export async function expectAccessible(page: Page): Promise<void> {
  // What is still fading in has not the contrast that it will have.
  await settledLooks(page);
  // Only pages with frames need the other mode, which opens one more page each time.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join("; ")}`)).toEqual([]);
}

/** Fail unless the screen is accessible and fits the width; its picture is kept under `name`. */
export async function expectGoodLooks(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await page.screenshot({ path: `test-results/screens/${name}.png` });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}

/** Where most goes wrong at once: long words, little room, other colours. */
export const HARDEST_LOOKS = {
  locale: "ru-RU",
  colorScheme: "dark",
  viewport: { width: 360, height: 760 },
} as const;
