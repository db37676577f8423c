import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { expectAccessible } from "./accessible";
import { startPortal } from "./portal";

const VENV = join(import.meta.dirname, "..", "..", ".venv", "bin", "python");
const PYTHON = process.env.PYTHON ?? (existsSync(VENV) ? VENV : "python3");

/** A provider that speaks OpenID Connect on loopback; it lives until its standard input is closed. */
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
    child.stdout.setEncoding("utf8").once("data", (said: string) => resolve(said.trim()));
  });
  return { issuer: `http://localhost:${port}`, process: child };
}

test("an operator signs in by the issuer, commands, and signs out", async ({ page }) => {
  test.setTimeout(120_000);
  const { issuer, process: provider } = await startProvider();
  const { portal, stop } = await startPortal(["--ephemeral", "--access", "oidc"], {
    GATEWAY_OIDC_ISSUER: issuer,
    GATEWAY_OIDC_CLIENT_ID: "opsroom",
    GATEWAY_OIDC_ROLES_CLAIM: "groups",
    GATEWAY_OIDC_ROLES: "ops=operator",
  });
  // The provider of the tests knows no pages of other origins and no client without a secret; others do.
  await page.route(`${issuer}/oauth2/token`, async route => {
    const postData = `${route.request().postData()}&client_secret=any`;
    const response = await route.fetch({ postData });
    await route.fulfill({ response, headers: { ...response.headers(), "Access-Control-Allow-Origin": "*" } });
  });

  await page.goto(portal.url);
  await expect(page.getByText("This portal is for people who are signed in.")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Nickname" })).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole("link", { name: "Just look at the cloud" }).click();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${issuer}/**`);
  await page.getByRole("button", { name: "olga" }).click();
  await expect(page.getByRole("region", { name: "Access" })).toContainText("Olga, operator");
  expect(page.url()).toBe(`${portal.url}/#/cloud`);
  await page.getByRole("button", { name: "Create new instance" }).click();
  await expect(page.locator(".pending")).toContainText("by Olga");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("Not signed in.")).toBeVisible();
  await expect(page.locator(".instance")).toHaveCount(0);

  // Somebody else's link signs nobody in.
  await page.goto(`${portal.url}/?code=stolen&state=guessed#/cloud`);
  await expect(page.getByRole("alert")).toContainText("not the sign-in that began here");
  expect(page.url()).toBe(`${portal.url}/#/cloud`);
  await stop();
  provider.stdin?.end();
});
