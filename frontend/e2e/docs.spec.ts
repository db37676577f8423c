import { expect, type Page } from "@playwright/test";
import { test } from "./kit/portal";

const TASKS = [
  "Invite people",
  "Connect a provider",
  "Find out who did what",
  "Back up and restore",
  "When it is down",
];

/** What a page of the documentation says and loads, as its HTML has it. */
interface Described {
  readonly address: string;
  readonly hasHeading: boolean;
  readonly images: readonly string[];
  readonly scriptsAndStyles: readonly string[];
  /** What a browser executes or applies without loading it. */
  readonly inline: readonly string[];
}

const describe = (page: Page, addresses: readonly string[]): Promise<Described[]> =>
  page.evaluate(
    all =>
      Promise.all(
        all.map(async address => {
          const html = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
          const loaded = (selector: string, attribute: string) =>
            [...html.querySelectorAll(selector)].map(
              one => new URL(one.getAttribute(attribute) ?? "", address).href,
            );
          const texts = (selector: string) =>
            [...html.querySelectorAll(selector)].map(one => one.textContent ?? "");
          return {
            address,
            hasHeading: Boolean(html.querySelector("h1")?.textContent?.trim()),
            images: loaded("img[src], source[src], video[src], iframe[src]", "src"),
            scriptsAndStyles: [
              ...loaded("script[src]", "src"),
              ...loaded("link[rel~=stylesheet], link[rel~=icon], link[rel~=preload]", "href"),
            ],
            inline: [
              ...texts("script:not([src], [type='application/json'])"),
              ...texts("style"),
              ...(html.querySelector("[style], [onclick], [onload], [onerror]") ? ["attributes"] : []),
            ],
          };
        }),
      ),
    addresses,
  );

test("all pages of the documentation load from the portal alone, with their pictures", async ({
  page,
  portal,
}) => {
  const isOwn = (address: string) => address.startsWith(`${portal.url}/docs/`) || address.startsWith("data:");
  const elsewhere: string[] = [];
  const failed: string[] = [];
  page.on("request", request => {
    if (!isOwn(request.url())) elsewhere.push(request.url());
  });
  page.on("response", response => {
    if (response.status() >= 400) failed.push(response.url());
  });
  page.on("console", message => {
    if (message.type() === "error") failed.push(message.text());
  });
  await page.goto(`${portal.url}/docs/`);
  const links = page.locator(".md-nav--primary a[href]");
  const addresses = await links.evaluateAll(all =>
    all.map(link => (link as HTMLAnchorElement).href.replace(/#.*/, "")),
  );
  const described = await describe(
    page,
    [...new Set(addresses)].filter(address => address.startsWith(`${portal.url}/docs/`)),
  );
  expect(described.length).toBeGreaterThan(15);
  expect(described.filter(({ hasHeading }) => !hasHeading)).toEqual([]);
  elsewhere.push(
    ...described.flatMap(one => [...one.images, ...one.scriptsAndStyles]).filter(one => !isOwn(one)),
  );
  // Pages that load and execute the same are the same to a browser: it opens one of them, and those with pictures.
  const kinds = new Map(
    described.map(one => [
      JSON.stringify([one.scriptsAndStyles, one.inline, one.images.length && one.address]),
      one.address,
    ]),
  );
  for (const address of kinds.values()) {
    await page.goto(address);
    await expect(page.locator("h1").first()).toBeVisible();
    const broken = await page
      .locator("article img")
      .evaluateAll(all => all.filter(one => (one as HTMLImageElement).naturalWidth === 0).length);
    expect(broken, address).toBe(0);
  }
  expect(elsewhere).toEqual([]);
  expect(failed).toEqual([]);
});

test("the index leads to a page for each task", async ({ page, portal }) => {
  for (const task of TASKS) {
    await page.goto(`${portal.url}/docs/`);
    await page.locator("article").getByRole("link", { name: task, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText(task);
  }
});
