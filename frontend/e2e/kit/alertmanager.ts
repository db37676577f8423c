import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";

const NAMES = ["prometheus-alertmanager", "alertmanager"];

/** Prometheus Alertmanager, such as that of Debian's package `prometheus-alertmanager`; `ALERTMANAGER` names another. */
export const ALERTMANAGER = [process.env.ALERTMANAGER, ...NAMES].find(name => {
  if (!name) return false;
  try {
    execFileSync(name, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

/** A running Alertmanager that posts to a hook. */
export interface Alertmanager {
  /** Say that a server does not answer, or that it does again. */
  readonly report: (server: string, isDown: boolean) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A port of this machine that nothing uses. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });

const ended = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });

/** Start an Alertmanager whose only receiver is the hook at `hook`. */
export async function startAlertmanager(program: string, hook: string): Promise<Alertmanager> {
  const folder = await mkdtemp(join(tmpdir(), "opsroom-alertmanager-"));
  const config = join(folder, "alertmanager.yml");
  await writeFile(
    config,
    `route: {receiver: opsroom, group_by: [alertname, instance], group_wait: 0s, group_interval: 1s}
receivers: [{name: opsroom, webhook_configs: [{url: "${hook}", send_resolved: true}]}]
`,
  );
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${config}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const status = (path: string) =>
    fetch(`${url}${path}`)
      .then(({ ok }) => ok)
      .catch(() => false);
  await expect.poll(() => status("/-/ready"), { timeout: 30_000 }).toBe(true);
  const begun = new Date().toISOString();
  return {
    report: async (server, isDown) => {
      const alert = {
        labels: { alertname: "Unreachable", instance: server, severity: "critical" },
        annotations: { summary: `${server} does not answer` },
        startsAt: begun,
        ...(isDown ? {} : { endsAt: new Date().toISOString() }),
      };
      const response = await fetch(`${url}/api/v2/alerts`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify([alert]),
      });
      expect(response.ok).toBe(true);
    },
    stop: async () => {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
