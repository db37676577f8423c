import { expect } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { test } from "./kit/portal";

test("the status view shows whether the problem is the server or the network", async ({ page, portal }) => {
  await page.goto(`${portal.url}/#/cloud`);
  await page.getByRole("link", { name: "Live" }).click();
  const verdict = page.locator(".verdict");
  await expect(verdict).toHaveText("All services are running.");
  const services = page.getByRole("region", { name: "Services" });
  for (const name of ["gateway", "chat", "cloud"]) {
    await expect(services.getByRole("listitem").filter({ hasText: name })).toHaveCount(1);
  }
  // This page itself has an event stream.
  await expect(services.getByRole("listitem").filter({ hasText: "gateway" })).toContainText(
    /[1-9]\d* event streams?/,
  );
  const cloud = page
    .getByRole("region", { name: "Streams" })
    .getByRole("listitem")
    .filter({ hasText: "CLOUD" });
  await expect(cloud).toContainText(/\d+ messages?.*consumers?.*1 copy/s);
  await expectAccessible(page);

  // Simulate a missing service in the gateway's response.
  await page.route("**/api/v1/status", async route => {
    const response = await route.fetch();
    const status = await response.json();
    await route.fulfill({ json: { ...status, missing: ["chat"] } });
  });
  await expect(verdict).toHaveText("Not running: chat.");
  await page.route("**/api/v1/session", route => route.abort());
  await expect(verdict).toHaveText("No response from the server. The network or the server is down.");
  await expect(services).toHaveCount(0);
  await page.unrouteAll();
  await expect(verdict).toHaveText("All services are running.");
  await page.context().setOffline(true);
  await expect(verdict).toHaveText("This device is offline.");
});

test("a chunk that fails to load shows a notice and can be retried", async ({ page, portal }) => {
  await page.route(/status[^/]*\.js$/, route => route.abort());
  await page.goto(`${portal.url}/#/status`);
  const alert = page.getByRole("alert").filter({ hasText: "didn't load" });
  await expect(alert).toBeVisible();
  await page.unrouteAll();
  await alert.getByRole("button", { name: "Try again" }).click();
  await expect(page.locator(".verdict")).toHaveText("All services are running.");
  await expect(alert).toHaveCount(0);
});

test("the status view works without a connection", async ({ page, portal }) => {
  const fetched = page.waitForEvent("requestfinished", request => /status[^/]*\.js$/.test(request.url()));
  await page.goto(`${portal.url}/#/cloud`);
  await fetched;
  await page.context().setOffline(true);
  await page.getByRole("link", { name: "Offline" }).click();
  await expect(page.locator(".verdict")).toHaveText("This device is offline.");
});
