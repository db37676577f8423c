// Starts a portal for scripts that need one.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const READY = /Page and API\s+(http:\/\/\S+)\//;
const READY_WITHIN_MS = 300_000;

/** The Python of the checkout's environment. */
export function python() {
  const candidates = [process.env.PYTHON, join(ROOT, ".venv", "bin", "python")];
  return candidates.find(one => one && existsSync(one)) ?? "python3";
}

/**
 * Start a portal at free ports, with further `options` of `./opsroom up`. Resolves once it is ready, to its address,
 * its process and a function that stops it. `env`: further environment variables.
 */
export async function startPortal(options, env = {}) {
  const args = [join(ROOT, "opsroom"), "up", "--port", "0", "--nats-port", "0", ...options];
  const child = spawn(python(), args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise((resolve, reject) => {
    let output = "";
    const fail = () => reject(new Error(`the portal did not start:\n${output}`));
    const patience = setTimeout(fail, READY_WITHIN_MS);
    child.once("exit", fail);
    // Keep reading after it is ready: a full pipe would block the services.
    child.stdout.setEncoding("utf8").on("data", piece => {
      output = (output + piece).slice(-20_000);
      const found = READY.exec(output)?.[1];
      if (!found) return;
      clearTimeout(patience);
      resolve(found);
    });
  });
  const stop = () =>
    new Promise(resolve => {
      if (child.exitCode !== null) return resolve();
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
    });
  return { url, child, stop };
}
