import { expect } from "@playwright/test";
import { test } from "./kit/portal";

const TASKS = [
  "Invite people",
  "Connect a provider",
  "Find out who did what",
  "Back up and restore",
  "When it is down",
];

test("all pages of the documentation load from the portal alone, with their pictures", async ({
  page,
  portal,
}) => {
  test.slow();
  const elsewhere: string[] = [];
  const failed: string[] = [];
  page.on("request", request => {
    if (!request.url().startsWith(`${portal.url}/docs/`) && !request.url().startsWith("data:"))
      elsewhere.push(request.url());
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
  const pages = [...new Set(addresses)].filter(address => address.startsWith(`${portal.url}/docs/`));
  expect(pages.length).toBeGreaterThan(15);
  for (const address of pages) {
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
