import { type ChildProcess, spawn } from "node:child_process";
import { test as base, expect, type Page } from "@playwright/test";
import { expectAccessible, expectGoodAppearance, HARDEST_SETTING } from "./kit/accessibility";
import { confirmCreation, rows } from "./kit/instance-lifecycle";
import { type Portal, PYTHON, START_TIMEOUT_MS, startPortal } from "./kit/portal";

/** An OpenID Connect provider on loopback; it runs until its standard input is closed. */
const PROVIDER = `
import sys, oidc_provider_mock
olga = oidc_provider_mock.User(sub="olga", claims={"name": "Olga", "groups": ["ops"]})
with oidc_provider_mock.run_server_in_thread(0, user_claims=[olga]) as server:
    print(server.server_port, flush=True)
    sys.stdin.read()
`;

async function startProvider(): Promise<{ readonly issuer: string; readonly process: ChildProcess }> {
  const child = spawn(PYTHON, ["-c", PROVIDER], { stdio: ["pipe", "pipe", "ignore"] });
  const port = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", code => reject(new Error(`the provider ended with ${code}`)));
    child.stdout.setEncoding("utf8").once("data", (output: string) => resolve(output.trim()));
  });
  return { issuer: `http://localhost:${port}`, process: child };
}

const test = base.extend<object, { place: Portal & { readonly issuer: string } }>({
  place: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures from the pattern
    async ({}, use) => {
      const { issuer, process: provider } = await startProvider();
      const { portal, stop } = await startPortal(["--ephemeral", "--access", "oidc", "--delay", "5"], {
        GATEWAY_OIDC_ISSUER: issuer,
        GATEWAY_OIDC_CLIENT_ID: "opsroom",
        GATEWAY_OIDC_ROLES_CLAIM: "groups",
        GATEWAY_OIDC_ROLES: "ops=operator",
      });
      await use({ ...portal, issuer });
      await stop();
      provider.stdin?.end();
    },
    { scope: "worker", timeout: START_TIMEOUT_MS },
  ],
});
// Both tests share one portal and one provider.
test.describe.configure({ mode: "default" });

/** Work around the test provider, which supports neither CORS nor public clients. */
const patchProvider = (page: Page, issuer: string) =>
  page.route(`${issuer}/oauth2/token`, async route => {
    const postData = `${route.request().postData()}&client_secret=any`;
    const response = await route.fetch({ postData });
    await route.fulfill({ response, headers: { ...response.headers(), "Access-Control-Allow-Origin": "*" } });
  });

test("an operator signs in with the issuer, sends a command, and signs out", async ({ page, place }) => {
  const { issuer, url } = place;
  await patchProvider(page, issuer);
  await page.goto(url);
  await expect(page.getByText("Sign in to use this portal.")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Nickname" })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("link", { name: "Just view the servers" }).click();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${issuer}/**`);
  await page.getByRole("button", { name: "olga" }).click();
  await expect(page.locator(".account")).toContainText("Olga");
  expect(page.url()).toBe(`${url}/#/servers`);
  await confirmCreation(page);
  await expect(page.locator(".server .pending")).toContainText("Olga");
  await page.locator(".account").click();
  await page.getByRole("button", { name: "Sign out here" }).click();
  await expect(page.getByRole("region", { name: "Access" })).toContainText("Not signed in.");
  await expect(rows(page)).toHaveCount(0);

  // A link of an attacker doesn't sign in.
  await page.goto(`${url}/?code=stolen&state=guessed#/cloud`);
  await expect(page.getByRole("alert")).toContainText("doesn't belong to this request");
  expect(page.url()).toBe(`${url}/#/servers`);
});

test("every screen of mode oidc is accessible and fits in the most difficult setting", async ({
  browser,
  place,
}) => {
  const { issuer, url } = place;
  const context = await browser.newContext(HARDEST_SETTING);
  const page = await context.newPage();
  const look = (screen: string) => expectGoodAppearance(page, `oidc-${screen}`);
  await patchProvider(page, issuer);
  await page.goto(url);
  await expect(page.getByText("Войдите, чтобы пользоваться порталом.")).toBeVisible();
  await look("join");
  await page.goto(`${url}/?code=stolen&state=guessed#/cloud`);
  await expect(page.getByRole("alert")).toContainText("ответ относится к другому запросу");
  await look("cloud-mismatch");
  await page.getByRole("link", { name: "Чат" }).click();
  await expect(
    page.getByRole("alert").filter({ hasText: "ответ относится к другому запросу" }),
  ).toBeVisible();
  await look("join-mismatch");
  await page.getByRole("button", { name: "Войти" }).click();
  await page.getByRole("button", { name: "olga" }).click();
  await page.getByRole("link", { name: "Серверы", exact: true }).click();
  await expect(page.getByRole("region", { name: "Доступ" })).toHaveCount(0);
  await expect(page.locator(".account")).toHaveAttribute("aria-label", /Olga(-\d)?/);
  await expect(page.getByRole("heading", { name: "Серверы" })).toBeVisible();
  await look("cloud-operator");
  await context.close();
});
