import { expect, type Page } from "@playwright/test";
import axe from "axe-core";
import { animationsFinished } from "./frames";

/** Takes some time on each screen, so screenshots are taken on request only. */
const TAKES_SCREENSHOTS = process.env.SCREENS !== undefined;

interface Look {
  /**
   * Whether to check the contrast, which takes most of the time: each screen needs it once in each theme, and not at
   * each size.
   */
  readonly contrast?: boolean;
}

/** What axe finds on `page`, as rule and elements. */
async function violationsOn(page: Page, contrast: boolean): Promise<string[]> {
  // Parsing axe takes about as long as running it, so a document gets it once.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  return page.evaluate(async enabled => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    // All violations, but no more than one element of each rule that passed.
    const { violations } = await axe.run(document, {
      resultTypes: ["violations"],
      rules: { "color-contrast": { enabled } },
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join("; ")}`);
  }, contrast);
}

/** Fail if axe finds a violation on `page`, once its animations have finished. */
export async function expectAccessible(page: Page, { contrast = true }: Look = {}): Promise<void> {
  // Elements that are fading in don't have their final contrast.
  await animationsFinished(page);
  expect(await violationsOn(page, contrast)).toEqual([]);
}

/** Fail if the screen has an accessibility violation or overflows its width; `name`: of its screenshot. */
export async function expectGoodAppearance(page: Page, name: string, look: Look = {}): Promise<void> {
  await expectAccessible(page, look);
  await expectFits(page, name);
}

/** Fail if the screen overflows its width; `name`: of its screenshot. */
export async function expectFits(page: Page, name: string): Promise<void> {
  await saveScreen(page, name);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
}

/** Save a screenshot of the screen as `name`, if `SCREENS` is set. */
export async function saveScreen(page: Page, name: string): Promise<void> {
  if (TAKES_SCREENSHOTS) await page.screenshot({ path: `test-results/screens/${name}.png` });
}

/** The most difficult setting: long words, a narrow screen and dark colors. */
export const HARDEST_SETTING = {
  locale: "ru-RU",
  colorScheme: "dark",
  viewport: { width: 360, height: 760 },
} as const;
