import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";
import { expectAccessible, expectGoodAppearance, saveScreen } from "./kit/accessibility";
import { joinChat, ROOT, sendMessage, test, uniqueName } from "./kit/portal";
import { buildPage, type StaticSite, startStaticSite } from "./kit/static-site";

test.use({ serviceWorkers: "allow" });

/** Resolves when the page's files are stored, and the worker serves them. */
const kept = (page: Page) =>
  page.waitForFunction(async () => {
    await navigator.serviceWorker.ready;
    return navigator.serviceWorker.controller?.state === "activated";
  });

/** The addresses of all stored responses, and their texts. */
const stored = (page: Page) =>
  page.evaluate(async () => {
    const responses: { url: string; text: string }[] = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const response = await cache.match(request);
        responses.push({ url: request.url, text: (await response?.text()) ?? "" });
      }
    }
    return responses;
  });

const versionOf = (page: Page) => page.locator("script[src]").first().getAttribute("src");

test("the page can be installed", async ({ page, portal }) => {
  await page.goto(portal.url);
  const session = await page.context().newCDPSession(page);
  const { url, errors } = await session.send("Page.getAppManifest");
  expect(errors).toEqual([]);
  expect(url).toBe(`${portal.url}/manifest.json`);
  const manifest = await (await page.request.get(url)).json();
  expect(manifest).toMatchObject({ name: "Opsroom", start_url: "./", scope: "./", display: "standalone" });
  const sizes: string[] = [];
  for (const { src, sizes: size, purpose } of manifest.icons) {
    const drawn = await page.evaluate(async address => {
      const picture = await createImageBitmap(await (await fetch(address)).blob());
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const context = canvas.getContext("2d");
      context?.drawImage(picture, 0, 0);
      const corner = context?.getImageData(0, 0, 1, 1).data[3] ?? -1;
      return { size: `${picture.width}x${picture.height}`, corner };
    }, `${portal.url}/${src}`);
    // A platform cuts a maskable icon itself: transparent corners would show.
    expect(drawn).toEqual({ size, corner: purpose === "maskable" ? 255 : 0 });
    sizes.push(`${purpose} ${size}`);
  }
  expect(sizes).toEqual(["any 192x192", "any 512x512", "maskable 192x192", "maskable 512x512"]);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  expect(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito")).toEqual([]);
});

test("without a network the page opens and says so, and nothing of the API is stored", async ({
  page,
  context,
  portal,
}) => {
  const complaints: string[] = [];
  page.on("console", message => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, "before the tunnel");
  await expect(page.locator(".outgoing")).toHaveCount(0);
  await kept(page);
  const token = await page.evaluate(() => JSON.stringify({ ...localStorage }));
  const secret = /"token\\*":\\*"([^"\\]+)/.exec(token)?.[1];
  expect(secret?.length).toBeGreaterThan(20);

  await context.setOffline(true);
  await page.reload();
  await expect(page.locator(".connection")).toContainText("Offline");
  await expect(page.getByText("You're offline")).toBeVisible();
  await expect(page.getByText("Try the demo")).toHaveCount(0);
  await saveScreen(page, "offline");
  await expect(page.getByRole("textbox", { name: "Type your message here" })).toBeVisible();
  await expectAccessible(page);
  // Parts that are loaded later are there, too.
  await page.getByRole("link", { name: "Servers" }).click();
  await expect(page.getByRole("heading", { name: "Servers", exact: true })).toBeVisible();
  await page.locator(".connection-state").click();
  await expect(page.locator(".verdict")).toHaveText("This device is offline.");
  await page.goto(`${portal.url}/#/rooms/general`);
  await sendMessage(page, "from the tunnel");
  await expect(page.getByText("waiting for the connection")).toBeVisible();

  await context.setOffline(false);
  await expect(page.locator(".connection")).toContainText("Live");
  await expect(page.locator(".message.own", { hasText: "from the tunnel" })).toBeVisible();
  await expect(page.locator(".message", { hasText: "before the tunnel" })).toBeVisible();
  const files = await stored(page);
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter(({ url }) => /\/(api|docs|chat|cloud)(\/|$)/.test(new URL(url).pathname))).toEqual([]);
  expect(files.filter(({ text }) => text.includes(secret ?? "") || text.includes("tunnel"))).toEqual([]);
  expect(complaints).toEqual([]);
});

test.describe("a static site below a path", () => {
  let folder: string;
  let site: StaticSite;

  test.beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "opsroom-site-"));
    // What the fixture `portal` has built.
    site = await startStaticSite(join(ROOT, "frontend", "dist"));
  });

  test.afterEach(async () => {
    await site.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("an open page reports an update, and no load is of an earlier version", async ({
    page,
    context,
    portal,
  }) => {
    const build = async (name: string, api: string) => {
      await buildPage(join(folder, name), api);
      site.serve(join(folder, name));
    };
    await build("first", portal.url);
    await page.goto(site.url);
    await joinChat(page, uniqueName("Ann"));
    await expect(page.locator(".connection")).toContainText("Live");
    await kept(page);
    const first = await versionOf(page);
    await page.reload();
    expect(await versionOf(page)).toBe(first);

    // Another build: the same server by another name.
    await build("second", portal.url.replace("127.0.0.1", "localhost"));
    // Opening another page looks for updates, and it gets the new version by itself: nobody has used it yet.
    const other = await context.newPage();
    let loads = 0;
    other.on("load", () => {
      loads += 1;
    });
    await other.goto(site.url);
    // Reading something from the page would count as using it.
    await expect.poll(() => loads).toBe(2);
    const second = await versionOf(other);
    expect(second).not.toBe(first);

    const notice = page.getByRole("status").filter({ hasText: "A new version is ready." });
    await expect(notice).toBeVisible();
    expect(await versionOf(page)).toBe(first);
    await expectGoodAppearance(page, "update");
    // The site has no files of the first version any more; the open page still gets its parts.
    await page.getByRole("link", { name: "Activity" }).click();
    await expect(page.getByRole("heading", { name: "Activity" })).toBeVisible();
    await notice.getByRole("button", { name: "Reload" }).click();
    await expect.poll(() => versionOf(page)).toBe(second);
    await expect(notice).toHaveCount(0);
    await other.reload();
    expect(await versionOf(other)).toBe(second);

    await context.setOffline(true);
    await page.reload();
    expect(await versionOf(page)).toBe(second);
    await expect(page.locator(".connection")).toContainText("Offline");
    await context.setOffline(false);
    expect(site.paths.filter(path => !path.startsWith("/opsroom/") && path !== "/favicon.ico")).toEqual([]);
  });

  test("the documentation and other places of the site are not replaced by the page", async ({
    page,
    portal,
  }) => {
    expect(portal.url).toBeTruthy();
    await page.goto(site.url);
    await kept(page);
    await page.goto(`${site.url}docs/`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("#root")).toHaveCount(0);
    await page.goto(`${site.url}nothing/`);
    await expect(page.getByRole("heading", { name: "Another site" })).toBeVisible();
  });

  test("the page is not kept beyond the site", async ({ page, portal }) => {
    expect(portal.url).toBeTruthy();
    await page.clock.install();
    await page.goto(site.url);
    await kept(page);
    site.serve(undefined);
    await page.clock.fastForward("01:00:01");
    await expect(page.getByRole("heading", { name: "Another site" })).toBeVisible();
    expect(
      await page.evaluate(() => navigator.serviceWorker.getRegistrations().then(all => all.length)),
    ).toBe(0);
  });
});
