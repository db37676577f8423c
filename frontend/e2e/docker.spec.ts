import { mkdtempSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { createFrom, expectState, rowOf, testsWithAgent } from "./kit/agent";
import { openCloud, uniqueName } from "./kit/portal";

/** The engine that the agent uses, too. */
const SOCKET = (process.env.DOCKER_HOST ?? "/var/run/docker.sock").replace(/^unix:\/\//, "");
const IMAGE = "busybox:latest";
const TEMPLATES = `
[templates.box]
image = "${IMAGE}"
command = ["sh", "-c", "trap 'exit 0' TERM; echo hello from the container; while true; do sleep 0.1; done"]
memory = "32M"
stop_seconds = 3
`;

/** The status of the engine's reply. Rejects if there is no engine. */
const ask = (method: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath: SOCKET, method, path, timeout: 20_000 }, response => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    call.on("error", reject);
    call.on("timeout", () => call.destroy(new Error("the engine does not respond")));
    call.end();
  });

/** Why there is no engine that can be used; undefined if there is one. */
const problem = await ask("GET", `/images/${IMAGE}/json`).then(
  status => (status === 200 ? undefined : `the engine at ${SOCKET} has no image ${IMAGE}`),
  (error: Error) => `there is no Docker engine at ${SOCKET}: ${error.message}`,
);

const templates = join(mkdtempSync(join(tmpdir(), "opsroom-templates-")), "templates.toml");
writeFileSync(templates, TEMPLATES);
const test = testsWithAgent({ AGENT_TEMPLATES: templates, AGENT_NAME: "docker" }, "docker");

test.skip(problem !== undefined, problem);

test("a container is created, followed, restarted, killed outside, stopped and removed", async ({
  page,
  portal,
}) => {
  await openCloud(page, portal.url);
  const name = uniqueName("box").toLowerCase();
  await createFrom(page, { name, labels: "env=test", template: "box · docker" });
  await expectState(page, name, "Running");
  await rowOf(page, name).getByRole("link", { name }).click();
  const panel = page.locator(".server-panel");
  const id = (await panel.locator(".copy-id code").textContent()) ?? "";
  const container = `/containers/opsroom-${id}`;
  try {
    await expect(panel.locator(".log-line")).toHaveText([/hello from the container$/]);
    await expect(panel.locator(".facts")).toContainText("box · busybox:latest · 32 MB");
    await panel.getByRole("button", { name: `Restart ${name}` }).click();
    await expect(panel.locator(".history")).toContainText("✓Restarted");
    await panel.getByRole("button", { name: "Reconnect" }).or(panel.getByText("following")).first().waitFor();

    expect(await ask("POST", `${container}/kill`)).toBe(204);
    await expect(panel.locator(".panel-state")).not.toContainText("Running");
    await page
      .getByRole("button", { name: `Start ${name}`, exact: true })
      .first()
      .click();
    await expectState(page, name, "Running");
    // Stop is where Start was: the page ignores a click on what has just appeared under a resting pointer.
    await page.mouse.move(0, 0);
    await page
      .getByRole("button", { name: `Stop ${name}`, exact: true })
      .first()
      .click();
    await expectState(page, name, "Stopped");
    await panel.getByRole("button", { name: `Remove ${name}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(rowOf(page, name)).toHaveCount(0);
    expect(await ask("GET", `${container}/json`)).toBe(404);
  } finally {
    await ask("DELETE", `${container}?force=true`);
  }
});
