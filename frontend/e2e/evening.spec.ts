import { readFile } from "node:fs/promises";
import { expect, type Locator, type Page } from "@playwright/test";
import { expectGoodAppearance } from "./kit/accessibility";
import { ALERTMANAGER, type Alertmanager, startAlertmanager } from "./kit/alertmanager";
import { testsWithPortal } from "./kit/portal";
import { issueTokens, signIn } from "./kit/tokens";

const { tokens: TOKENS, setting } = issueTokens({ olga: "operator", oleg: "operator", ada: "admin" });

const test = testsWithPortal(["--ephemeral", "--access", "token", "--delay", "1"], {
  GATEWAY_TOKENS: setting,
  CLOUD_APPROVALS: "restart label:env=prod",
});

test.skip(ALERTMANAGER === undefined, "Prometheus Alertmanager is not installed");

const thread = (page: Page): Locator => page.locator(".panel.thread");

async function say(page: Page, text: string): Promise<void> {
  await thread(page).locator(".composer textarea").fill(text);
  await thread(page).getByRole("button", { name: "Send" }).click();
  await expect(thread(page).locator(".message-body.command", { hasText: text })).toBeVisible();
}

let monitor: Alertmanager | undefined;
test.afterEach(() => monitor?.stop());

test("an evening: Alertmanager's alert, its incident, a restart that another person approves, the report", async ({
  page,
  portal,
  request,
  browser,
}) => {
  test.slow();
  const headers = { authorization: `Bearer ${TOKENS.ada}` };
  const made = await request.post(`${portal.url}/api/v1/hooks`, {
    headers,
    data: { name: "monitor", room: "general" },
  });
  const { path } = (await made.json()) as { readonly path: string };
  const server = { name: "web-1", labels: { env: "prod" }, start: true };
  expect((await request.post(`${portal.url}/api/v1/cloud/instances`, { headers, data: server })).ok()).toBe(
    true,
  );
  monitor = await startAlertmanager(ALERTMANAGER ?? "", `${portal.url}${path}/alertmanager`);
  await monitor.report("web-1", true);

  await page.goto(portal.url);
  await signIn(page, TOKENS.olga);
  const alert = page.locator(".room .card").first();
  await expect(alert.locator(".card-status")).toHaveText("Firing");
  await expect(alert).toContainText("web-1 does not answer");
  await alert.getByRole("button", { name: "Open incident" }).click();
  await page.locator(".room .thread-link").click();
  await say(page, "/logs web-1");
  await say(page, "/restart web-1");
  const operation = thread(page).locator(".card", { hasText: "restart" }).last();
  await expect(operation.locator(".card-status")).toHaveText("Needs approval");
  await expectGoodAppearance(page, "evening-awaits");

  const other = await (await browser.newContext({ locale: "en-US" })).newPage();
  await other.goto(portal.url);
  await signIn(other, TOKENS.oleg);
  await other.locator(".room .thread-link").click();
  await thread(other)
    .getByRole("button", { name: /^Approve/ })
    .click();
  await expect(operation.locator(".card-status")).toHaveText("Done");

  await monitor.report("web-1", false);
  await expect(alert.locator(".card-status")).toHaveText("Resolved");
  const incident = page.getByRole("region", { name: "Incident" });
  await incident.getByRole("button", { name: "Close incident" }).click();
  await expect(incident).toContainText("Closed");
  const downloading = page.waitForEvent("download");
  await incident.getByRole("button", { name: "Report" }).click();
  const report = await readFile(await (await downloading).path(), "utf8");
  // Each line once, and in this order.
  const lines = [
    /\(change\): opened the incident$/gm,
    /^ {2}> \/logs web-1$/gm,
    /^ {2}> \/restart web-1$/gm,
    /\(operation\): restart web-1: requested/gm,
    /\(operation\): restart web-1: approved/gm,
    /\(operation\): restart web-1: received/gm,
    /\(operation\): restart web-1: restarted/gm,
    /\(change\): reported: resolved$/gm,
    /\(change\): closed the incident$/gm,
  ];
  expect(lines.map(line => (report.match(line) ?? []).length)).toEqual(lines.map(() => 1));
  const places = lines.map(line => report.search(line));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  await other.context().close();
});
