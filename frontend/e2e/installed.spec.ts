import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "@playwright/test";
import { create } from "./kit/instance-lifecycle";
import { joinChat, PYTHON, ROOT, sendMessage, startPortal, test, uniqueName } from "./kit/portal";

const run = promisify(execFile);
/** Prints the uv that `./opsroom` uses. */
const FIND_UV =
  "from pathlib import Path; from opsroom_launcher.install.uv import find_uv; print(find_uv(Path('.opsroom/tools').absolute()))";

/** Build all wheels from the checkout and install them into a new environment. Returns its `bin` folder. */
async function install(folder: string): Promise<string> {
  const { stdout } = await run(PYTHON, ["-c", FIND_UV], { cwd: ROOT });
  const uv = (args: readonly string[]) => run(stdout.trim(), [...args], { cwd: ROOT, maxBuffer: 10_000_000 });
  const wheels = join(folder, "wheels");
  const environment = join(folder, "environment");
  const locked = join(folder, "locked.txt");
  // The build tools are part of the development environment.
  await uv([
    "build",
    "--all-packages",
    "--wheel",
    "--no-build-isolation",
    "--python",
    PYTHON,
    "--out-dir",
    wheels,
  ]);
  await uv([
    "export",
    "--frozen",
    "--no-dev",
    "--all-packages",
    "--no-emit-workspace",
    "--output-file",
    locked,
  ]);
  await uv(["venv", "--python", PYTHON, environment]);
  const from = ["--find-links", wheels, "--constraints", locked];
  await uv(["pip", "install", "--python", environment, ...from, "opsroom"]);
  return join(environment, "bin");
}

// The fixture `portal` builds the page.
test("the installed wheels run the whole portal, without Node, git or a checkout", async ({
  page,
  portal,
}) => {
  expect(portal.url).toMatch(/^http/);
  const folder = await mkdtemp(join(tmpdir(), "opsroom-installed-"));
  try {
    const bin = await install(folder);
    const cwd = join(folder, "somewhere");
    await mkdir(cwd);
    const env = { PATH: bin, HOME: folder };
    const program = join(bin, "opsroom");
    const { stdout } = await run(program, ["--version"], { cwd, env });
    expect(stdout).toMatch(/^opsroom \d+\.\d+\.\d+\n$/);
    await expect(run(program, ["test"], { cwd, env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("`test` needs a checkout"),
    });
    const installed = await startPortal([], {}, { program, cwd, env });
    try {
      await page.goto(installed.portal.url);
      const name = uniqueName("Wheeler");
      await joinChat(page, name);
      await sendMessage(page, "from the wheels");
      await expect(page.locator(".message.own", { hasText: "from the wheels" })).toBeVisible();
      await page.goto(`${installed.portal.url}/#/cloud`);
      const id = await create(page);
      await expect(page.getByRole("button", { name: `Start ${id}` })).toBeEnabled();
      // The command finds the running portal without options.
      const servers = await run(program, ["servers", "ls"], { cwd, env });
      expect(servers.stdout).toContain(id);
    } finally {
      expect(await installed.stop()).toBe(0);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
