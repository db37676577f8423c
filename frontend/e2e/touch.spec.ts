import { expect } from "@playwright/test";
import { createReady } from "./kit/instance-lifecycle";
import { joinChat, test, uniqueName } from "./kit/portal";

test.use({ hasTouch: true, isMobile: true, viewport: { width: 412, height: 800 } });

test("a tap at the place of an earlier tap presses what is there now", async ({ page, portal }) => {
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await page.goto(`${portal.url}#/cloud`);
  const id = await createReady(page);
  const button = (name: string) => page.getByRole("button", { name: `${name} ${id}`, exact: true });
  await button("Start").scrollIntoViewIfNeeded();
  const box = await button("Start").boundingBox();
  if (!box) throw new Error("the button has no place");
  const [x, y] = [Math.round(box.x + 20), Math.round(box.y + box.height / 2)];
  const tap = () => page.touchscreen.tap(x, y);
  await tap();
  await expect(button("Stop")).toHaveAttribute("aria-disabled", "false");
  expect(
    await page.evaluate(([x, y]) => document.elementFromPoint(x, y)?.closest("button")?.ariaLabel, [
      x,
      y,
    ] as const),
  ).toBe(`Stop ${id}`);
  await tap();
  await expect(button("Start")).toHaveAttribute("aria-disabled", "false");
});
