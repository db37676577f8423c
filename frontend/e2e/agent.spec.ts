import { expect, type Page } from "@playwright/test";
import { createFrom, expectState, rowOf, testsWithAgent } from "./kit/agent";
import { expectWorklog, group } from "./kit/instance-lifecycle";
import { openCloud, uniqueName } from "./kit/portal";

const test = testsWithAgent({
  AGENT_SIMULATED_PULL_SECONDS: "4",
  AGENT_SIMULATED_PROGRESS_STEPS: "20",
  AGENT_SIMULATED_DELAY_SECONDS: "0.5",
  AGENT_SIMULATED_LOG_RATE: "4",
});
test.describe.configure({ mode: "default" });

const SMALL = "small · lab";
const clipboard = (page: Page): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
/** The name of a server that no other test uses. */
const serverName = (stem: string): string => uniqueName(stem).toLowerCase();

test.beforeEach(async ({ context, page, portal }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await openCloud(page, portal.url);
});

test("a server is created from a template, with the progress of the pull, and a taken name is refused", async ({
  page,
}) => {
  const name = serverName("web");
  await createFrom(page, { name, labels: "env=prod, web", template: "large · lab" });
  const state = rowOf(page, name).locator(".server-state");
  await expect(state).toContainText(/Creating: \d+ % ?pulling the image/);
  await expect(state.getByRole("button")).toHaveCount(0);
  await expectState(page, name, "Running");
  const row = rowOf(page, name);
  await expect(row.locator(".server-where")).toHaveText("lab · large");
  await expect(row.locator(".tag")).toHaveText(["env=prod", "web"]);
  await expectWorklog(page, name, [["create", "✓Created"]]);

  await page.getByRole("button", { name: "Create server" }).click();
  const dialog = page.getByRole("dialog");
  const field = dialog.getByRole("textbox", { name: "Name" });
  await field.fill(name);
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(dialog).toContainText("Another server has this name.");
  await page.keyboard.press("Escape");

  // A label is a filter.
  await row.getByRole("button", { name: "Show servers with env=prod" }).click();
  await expect(page.getByRole("searchbox", { name: "Find by name" })).toHaveValue("env=prod");
  await expect(row).toBeVisible();
});

test("the log is followed, paused, resumed, copied, and shared in the chat as a block", async ({ page }) => {
  const name = serverName("log");
  await createFrom(page, { name, template: SMALL });
  await expectState(page, name, "Running");
  await rowOf(page, name).getByRole("link", { name }).click();
  const log = page.locator(".panel-part.log");
  await expect(log.locator(".log-status")).toHaveText("following");
  await expect(log).toContainText(/tick \d+/);
  const last = async () =>
    Number(/tick (\d+)$/.exec((await log.locator(".log-line").last().textContent()) ?? "")?.[1]);
  const before = await last();
  await expect.poll(last).toBeGreaterThan(before);

  await log.getByRole("button", { name: "Pause" }).click();
  const held = await last();
  await expect(log.locator(".log-status")).toContainText(/paused, \d+ new lines/);
  expect(await last()).toBe(held);
  await log.getByRole("button", { name: "Copy" }).click();
  expect((await clipboard(page)).split("\n").at(-1)).toContain(`tick ${held}`);
  await log.getByRole("button", { name: "Follow" }).click();
  await expect.poll(last).toBeGreaterThan(held);

  // To select lines is to stop the log under the pointer.
  const [first, second] = [log.locator(".log-line").nth(-4), log.locator(".log-line").nth(-3)];
  await log.getByRole("button", { name: "Pause" }).click();
  const lines = await Promise.all([first, second].map(line => line.textContent()));
  await log.getByRole("button", { name: "Follow" }).click();
  await page.evaluate(texts => {
    const shown = [...document.querySelectorAll(".log-line")].filter(line =>
      texts.includes(line.textContent),
    );
    getSelection()?.setBaseAndExtent(
      shown[0] as Node,
      0,
      shown.at(-1) as Node,
      shown.at(-1)?.childNodes.length ?? 0,
    );
  }, lines);
  await expect(log.locator(".log-status")).toContainText("paused");
  await log.getByRole("button", { name: "Share 2 lines in chat" }).click();
  await expect(page).toHaveURL(/#\/rooms\/general$/);
  const composer = page.locator(".composer textarea");
  await expect(composer).toBeFocused();
  await expect(composer).toHaveValue(`Log of ${name}:\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n`);
  await page.keyboard.press("Enter");
  const message = page.locator(".message.own").last();
  await expect(message.locator("code")).toHaveText(lines.join("\n"));
  // The name in the message leads back to the server.
  await message.getByRole("link", { name }).click();
  await expect(page.locator("#panel-title")).toHaveText(name);
});

test("the use of CPU and memory is drawn in the row and in the panel", async ({ page }) => {
  const name = serverName("use");
  await createFrom(page, { name, template: SMALL });
  await expectState(page, name, "Running");
  await rowOf(page, name).getByRole("link", { name }).click();
  const use = page.getByRole("region", { name: "Usage" });
  await expect(use.getByRole("img", { name: /^CPU: [\d.]+ % now/ })).toBeVisible();
  await expect(use.getByRole("img", { name: /^Memory: [\d.]+ MB of 1 GB now/ })).toBeVisible();
  // Until the first samples were taken, the row shows none; it asks again after half a minute.
  await page.reload();
  await page.setViewportSize({ width: 1440, height: 800 });
  await expect(rowOf(page, name).getByRole("img", { name: /^CPU, 15 min: [\d.]+ % now/ })).toBeVisible();
});

test("a server is renamed, and its address follows; its labels change, and it is protected", async ({
  page,
}) => {
  const [name, other] = [serverName("old"), serverName("new")];
  await createFrom(page, { name, labels: "env=test", template: SMALL });
  await expectState(page, name, "Running");
  await rowOf(page, name).getByRole("link", { name }).click();
  await page.getByRole("button", { name: `Edit ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("textbox", { name: "Labels" })).toHaveValue("env=test");
  await dialog.getByRole("textbox", { name: "Name" }).fill(other);
  await dialog.getByRole("textbox", { name: "Labels" }).fill("env=prod, db");
  await dialog.getByRole("checkbox", { name: "Protected" }).check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page).toHaveURL(new RegExp(`#/servers/${other}$`));
  const panel = page.locator(".server-panel");
  await expect(panel.locator(".facts .tag")).toHaveText(["db", "env=prod"]);
  for (const command of ["Stop", "Restart", "Remove"])
    await expect(panel.getByRole("button", { name: `${command} ${other}` })).toHaveAttribute(
      "aria-disabled",
      "true",
    );
  await expect(panel.locator(".history")).toContainText(`Renamed was ${name}`);
  await page.getByRole("button", { name: `More: ${other}` }).click();
  await page.getByRole("menuitem", { name: "Unprotect" }).click();
  await expect(panel.getByRole("button", { name: `Stop ${other}` })).toHaveAttribute(
    "aria-disabled",
    "false",
  );
  await page.keyboard.press("Escape");
  await expect(page).toHaveURL(/#\/servers$/);
});

test("what runs outside is adopted", async ({ page }) => {
  await page.getByRole("button", { name: "Adopt…" }).click();
  const dialog = page.getByRole("dialog", { name: "Adopt a server" });
  await dialog.getByText("found-1").click();
  await expect(dialog.getByRole("textbox", { name: "Name" })).toHaveValue("found-1");
  const name = serverName("shop");
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("button", { name: "Adopt" }).click();
  await expectState(page, name, "Running");
  await expectWorklog(page, name, [["adopt", "✓Adopted"]]);
  await page.getByRole("button", { name: "Adopt…" }).click();
  await expect(dialog.getByText("found-2")).toBeVisible();
  await expect(dialog.getByText("found-1")).toHaveCount(0);
});

test("a restart is undone, and then done", async ({ page }) => {
  const name = serverName("cycle");
  await createFrom(page, { name, template: SMALL });
  await expectState(page, name, "Running");
  await rowOf(page, name).getByRole("link", { name }).click();
  const panel = page.locator(".server-panel");
  const restart = panel.getByRole("button", { name: `Restart ${name}` });
  await restart.click();
  await panel.locator(".panel-state").getByRole("button", { name: /^Undo/ }).click();
  await expect(panel.locator(".history")).toContainText(/restart.*undone by Olga-/);
  await expectState(page, name, "Running");
  await restart.click();
  await expect(panel.locator(".panel-state")).toContainText("Restarting");
  await expect(panel.locator(".history")).toContainText("✓Restarted");
});

test("what happens outside is shown: stopped, failed with the reason, lost", async ({ page, portal }) => {
  const name = serverName("out");
  await createFrom(page, { name, template: SMALL });
  await expectState(page, name, "Running");
  await portal.outside("stop", name);
  await expectState(page, name, "Stopped");
  await expect(page.locator(".log-entry", { hasText: `${name} · outside` })).toContainText(
    "Changed outside Opsroom: Stopped",
  );
  await page.getByRole("button", { name: `Start ${name}` }).click();
  await expectState(page, name, "Running");
  await portal.outside("crash", name);
  await expectState(page, name, "Failed: exit code 137: out of memory");
  await group(page, "problem").click();
  await expect(rowOf(page, name)).toBeVisible();
  await page.getByRole("button", { name: `Dismiss: ${name}` }).click();
  await expect(rowOf(page, name)).toHaveCount(0);
  await group(page, "all").click();

  await portal.outside("remove", name);
  await expectState(page, name, "Lost: The provider no longer has this server.");
  await page.getByRole("button", { name: `Remove ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("It no longer exists at its provider.");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await expect(rowOf(page, name)).toHaveCount(0);
});

test("selected servers are commanded together, and a refusal stays at the one that it is for", async ({
  page,
}) => {
  const names = ["a", "b", "c"].map(stem => serverName(`bulk-${stem}`));
  for (const name of names) await createFrom(page, { name, template: SMALL });
  for (const name of names) await expectState(page, name, "Running");
  const [one = "", two = "", three = ""] = names;
  await page.getByRole("button", { name: `More: ${two}` }).click();
  await page.getByRole("menuitem", { name: "Protect" }).click();
  await expect(rowOf(page, two).getByRole("img", { name: /^Protected/ })).toBeVisible();
  for (const name of names) await page.getByRole("checkbox", { name: `Select ${name}` }).check();
  const bulk = page.getByRole("toolbar", { name: "Commands for the selected servers" });
  await expect(bulk).toContainText("3 selected");
  await bulk.getByRole("button", { name: "Stop" }).click();
  await expect(rowOf(page, one)).toContainText("Stopping");
  await expect(rowOf(page, two).locator(".problem")).toContainText("Stop rejected:");
  await expectState(page, one, "Stopped");
  await expectState(page, three, "Stopped");
  await expect(page.locator(".log-entry[data-failed=true]", { hasText: two })).toContainText("rejected:");
  await page.getByRole("button", { name: `Dismiss: ${two}` }).click();
  await expectState(page, two, "Running");

  await page.getByRole("checkbox", { name: `Select ${two}` }).uncheck();
  await bulk.getByRole("button", { name: "Remove…" }).click();
  const dialog = page.getByRole("dialog", { name: "Remove 2 servers?" });
  await expect(dialog.getByRole("listitem")).toContainText([one, three]);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(rowOf(page, one)).toContainText("Stopped");
  await bulk.getByRole("button", { name: "Remove…" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  for (const name of [one, three]) await expect(rowOf(page, name)).toHaveCount(0);
  await expect(bulk).toHaveCount(0);
});

test("while the agent is away, its servers are unknown and can't be commanded", async ({ page, portal }) => {
  const name = serverName("away");
  await createFrom(page, { name, template: SMALL });
  await expectState(page, name, "Running");
  await portal.setAway(true);
  try {
    await expect(rowOf(page, name)).toContainText(/Unknown, last seen/);
    await expect(page.getByRole("button", { name: `Stop ${name}` })).toHaveAttribute("aria-disabled", "true");
    await expect(page.getByRole("button", { name: "Adopt…" })).toHaveCount(0);
    await page.goto(`${portal.url}/#/servers/${name}`);
    await expect(page.locator(".facts")).toContainText("not connected");
    await expect(page.locator(".server-panel .log-box")).toHaveCount(0);
    // Its templates are not offered, either.
    await page.getByRole("button", { name: "Create server" }).click();
    const template = page.getByRole("dialog").getByRole("combobox", { name: "Template" });
    await expect(page.getByRole("dialog")).toContainText(
      "Simulated: commands change nothing outside Opsroom.",
    );
    await expect(template.getByRole("option")).toHaveText(["Simulated server"]);
    await page.keyboard.press("Escape");
  } finally {
    await portal.setAway(false);
  }
  await expectState(page, name, "Running");
});
