import { expect, type Locator } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { confirmCreation, rows } from "./kit/instance-lifecycle";
import { test } from "./kit/portal";

/** The share of an element's pixels that differ from the color at its edge, as it is drawn on the screen. */
async function inkOf(element: Locator): Promise<number> {
  const picture = (await element.screenshot()).toString("base64");
  const blank = await element.page().context().newPage();
  const share = await blank.evaluate(async data => {
    const bytes = Uint8Array.from(atob(data), char => char.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("no canvas");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    const differs = (at: number) =>
      [0, 1, 2].some(channel => Math.abs((pixels[at + channel] ?? 0) - (pixels[channel] ?? 0)) > 60);
    let ink = 0;
    for (let at = 0; at < pixels.length; at += 4) if (differs(at)) ink += 1;
    return (4 * ink) / pixels.length;
  }, picture);
  await blank.close();
  return share;
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
    const expectIcons = async () => {
      for (const icon of await page.locator(".icon:visible").all())
        expect(await inkOf(icon), (await icon.getAttribute("class")) ?? "").toBeGreaterThan(0.05);
    };
    await page.goto(`${portal.url}/?demo`);
    await page.getByRole("textbox", { name: "Nickname" }).fill("Marina");
    await page.keyboard.press("Enter");
    await page.locator(".message").first().waitFor();
    await expectIcons();
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
    await expectIcons();
    const [running, stopped] = ["running", "stopped"].map(state =>
      rows(page).locator(`.dot[data-state=${state}]`).first(),
    );
    if (!running || !stopped) throw new Error("two dots");
    // A disk and a ring.
    expect(await inkOf(running)).toBeGreaterThan(0.5);
    expect(await inkOf(stopped)).toBeGreaterThan(0.2);
    expect((await inkOf(running)) - (await inkOf(stopped))).toBeGreaterThan(0.2);
    await confirmCreation(page);
    await page.locator(".server .pending").first().waitFor();
    expect(await inkOf(page.locator(".server .spinner").first())).toBeGreaterThan(0.2);
    expect(await inkOf(page.locator(".connection .dot"))).toBeGreaterThan(0.5);
    await rows(page).locator(".server-check input").nth(2).check();
    await expect(rows(page).nth(2)).toHaveCSS("outline-style", "solid");
    await expect(rows(page).nth(1)).not.toHaveCSS("outline-style", "solid");
    await expectAccessible(page);
    await page.goto(`${portal.url}/?demo#/servers/web-1`);
    await page.locator(".chart .sparkline").first().waitFor();
    await expectIcons();
    expect(await inkOf(page.locator(".chart .sparkline").first())).toBeGreaterThan(0.01);
    expect(await inkOf(page.locator(".panel-state .dot"))).toBeGreaterThan(0.2);
    await expectAccessible(page);
    await context.close();
  });
}
