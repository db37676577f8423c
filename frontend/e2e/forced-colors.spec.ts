import { expect, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { confirmCreation, rows } from "./kit/instance-lifecycle";
import { test } from "./kit/portal";

type Box = NonNullable<Awaited<ReturnType<Locator["boundingBox"]>>>;

/** For each box of a picture, the share of its pixels that differ from the color at its edge. `blank` draws it. */
const inksOf = (blank: Page, picture: Buffer, boxes?: readonly Box[]): Promise<number[]> =>
  blank.evaluate(
    async ([data, places]) => {
      const bytes = Uint8Array.from(atob(data), char => char.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      if (!context) throw new Error("no canvas");
      context.drawImage(image, 0, 0);
      const whole = { x: 0, y: 0, width: image.width, height: image.height };
      return (places ?? [whole]).map(({ x, y, width, height }) => {
        const [left, top] = [Math.floor(x), Math.floor(y)];
        const pixels = context.getImageData(
          left,
          top,
          Math.ceil(x + width) - left,
          Math.ceil(y + height) - top,
        ).data;
        const differs = (at: number) =>
          [0, 1, 2].some(channel => Math.abs((pixels[at + channel] ?? 0) - (pixels[channel] ?? 0)) > 60);
        let ink = 0;
        for (let at = 0; at < pixels.length; at += 4) if (differs(at)) ink += 1;
        return (4 * ink) / pixels.length;
      });
    },
    [picture.toString("base64"), boxes] as const,
  );

/** Measures what is drawn on `page`. */
class Ink {
  private constructor(
    private readonly page: Page,
    private readonly blank: Page,
  ) {}

  static async of(page: Page): Promise<Ink> {
    return new Ink(page, await page.context().newPage());
  }

  /** The share of an element's pixels that differ from the color at its edge, as it is drawn on the screen. */
  async share(element: Locator): Promise<number> {
    const [share = 0] = await inksOf(this.blank, await element.screenshot());
    return share;
  }

  /** Expect that every icon on the screen is drawn, once the page no longer moves. */
  async expectIcons(): Promise<void> {
    await expect(async () => expect(await this.missingIcons()).toEqual([])).toPass({ timeout: 15_000 });
  }

  /** The icons that are not drawn. One picture has them all, unless one is out of sight. */
  private async missingIcons(): Promise<readonly string[]> {
    const icons = this.page.locator(".icon:visible");
    const places = await icons.evaluateAll(all =>
      all.map(one => {
        const { x, y, width, height } = one.getBoundingClientRect();
        const isOnScreen = x >= 0 && y >= 0 && x + width <= innerWidth && y + height <= innerHeight;
        return { name: one.className, box: { x, y, width, height }, isOnScreen };
      }),
    );
    expect(places.length).toBeGreaterThan(0);
    const picture = await this.page.screenshot();
    const shares = await inksOf(
      this.blank,
      picture,
      places.map(({ box }) => box),
    );
    const missing: string[] = [];
    for (const [n, { name, isOnScreen }] of places.entries()) {
      const share = isOnScreen ? (shares[n] ?? 0) : await this.share(icons.nth(n));
      if (share <= 0.05) missing.push(name);
    }
    return missing;
  }
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`with forced colors (${colorScheme}), everything that has a meaning is visible`, async ({
    browser,
    portal,
  }) => {
    const context = await browser.newContext({
      forcedColors: "active",
      colorScheme,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    const ink = await Ink.of(page);
    await page.goto(`${portal.url}/?demo`);
    await page.getByRole("textbox", { name: "Nickname" }).fill("Marina");
    await page.keyboard.press("Enter");
    await page.locator(".message").first().waitFor();
    await ink.expectIcons();
    await expect(page.locator(".send .icon")).toBeVisible();
    const background = (tab: number) =>
      page
        .locator(".nav a")
        .nth(tab)
        .evaluate(one => getComputedStyle(one).backgroundColor);
    expect(await background(0)).not.toBe(await background(1));
    await expectAccessible(page);

    await page.getByRole("link", { name: "Servers" }).click();
    await rows(page).first().waitFor();
    await ink.expectIcons();
    const [running, stopped] = ["running", "stopped"].map(state =>
      rows(page).locator(`.dot[data-state=${state}]`).first(),
    );
    if (!running || !stopped) throw new Error("two dots");
    // A disk and a ring.
    expect(await ink.share(running)).toBeGreaterThan(0.5);
    expect(await ink.share(stopped)).toBeGreaterThan(0.2);
    expect((await ink.share(running)) - (await ink.share(stopped))).toBeGreaterThan(0.2);
    await confirmCreation(page);
    await page.locator(".server .pending").first().waitFor();
    expect(await ink.share(page.locator(".server .spinner").first())).toBeGreaterThan(0.2);
    expect(await ink.share(page.locator(".connection .dot"))).toBeGreaterThan(0.5);
    await rows(page).locator(".server-check input").nth(2).check();
    await expect(rows(page).nth(2)).toHaveCSS("outline-style", "solid");
    await expect(rows(page).nth(1)).not.toHaveCSS("outline-style", "solid");
    await expectAccessible(page);
    await page.goto(`${portal.url}/?demo#/servers/web-1`);
    await page.locator(".chart .sparkline").first().waitFor();
    await ink.expectIcons();
    expect(await ink.share(page.locator(".chart .sparkline").first())).toBeGreaterThan(0.01);
    expect(await ink.share(page.locator(".panel-state .dot"))).toBeGreaterThan(0.2);
    await expectAccessible(page);
    await context.close();
  });
}
