import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { animationsFinished } from "./frames";

/** Fail if axe finds a violation on `page`, once its animations have finished. */
export async function expectAccessible(page: Page): Promise<void> {
  // Elements that are fading in don't have their final contrast.
  await animationsFinished(page);
  // The other mode opens another page for each run, and only pages with frames need it.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join("; ")}`)).toEqual([]);
}

/** Fail if the screen has an accessibility violation or overflows its width; saves a screenshot as `name`. */
export async function expectGoodAppearance(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await expectFits(page, name);
}

/** Fail if the screen overflows its width; saves a screenshot as `name`. */
export async function expectFits(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/screens/${name}.png` });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}

/** The most difficult setting: long words, a narrow screen and dark colors. */
export const HARDEST_SETTING = {
  locale: "ru-RU",
  colorScheme: "dark",
  viewport: { width: 360, height: 760 },
} as const;
