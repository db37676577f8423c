import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";
import { settledLooks } from "./frames";

/** Fail unless axe finds nothing wrong with `page` as it is once it stands still. */
export async function expectAccessible(page: Page): Promise<void> {
  // What is still fading in has not the contrast that it will have.
  await settledLooks(page);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html).join("; ")}`)).toEqual([]);
}
