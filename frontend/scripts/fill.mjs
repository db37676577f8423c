// Fills a portal with people and servers, for pictures and for measurements.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { python, ROOT } from "./portal.mjs";

const SERVERS = [
  ["ivan", "build-1", { env: "ci" }],
  ["ivan", "build-2", { env: "ci" }],
  ["olga", "db-1", { env: "prod" }],
  ["petr", "web-1", { env: "prod", tier: "web" }],
  ["petr", "web-2", { env: "prod", tier: "web" }],
];

/** Ask the portal at `url`, with the token of a user if it is theirs to ask. */
export async function request(url, path, { token, ...options } = {}) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(`${url}/api/v1${path}`, { headers, ...options });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}

export const post = (url, path, token, body = {}) =>
  request(url, path, { token, method: "POST", body: JSON.stringify(body) });

/** Poll until `check` resolves to true. */
export async function until(check, what) {
  const end = Date.now() + 60_000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not in a minute: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}

/** Connect a user who stays, as another person's page would, in a page of the portal. */
async function connect(background, token) {
  await background.evaluate(
    token =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/chat/ws`);
        socket.onerror = reject;
        socket.onopen = () => socket.send(JSON.stringify({ type: "hello", token }));
        socket.onmessage = ({ data }) => {
          if (JSON.parse(data).type === "welcome") resolve();
        };
      }),
    token,
  );
}

/** Fill the portal with people and servers. */
export async function fill(url, background) {
  const people = {};
  for (const name of ["ivan", "olga", "petr"]) {
    const { token } = await post(url, "/chat/users", undefined, { name });
    people[name] = { token };
    await connect(background, token);
  }
  for (const [name, server, labels] of SERVERS)
    await post(url, "/cloud/instances", people[name].token, { name: server, labels, start: true });
  await until(async () => {
    const { instances } = await request(url, "/cloud/instances");
    return instances.filter(one => one.state === "running").length === SERVERS.length;
  }, "all servers run");
  await post(url, "/cloud/instances/build-1/stop", people.ivan.token);
  return people;
}

/** What a command of the launcher prints, which begins with an address. */
function printed(url, ...command) {
  const { stdout, stderr } = spawnSync(python(), [join(ROOT, "opsroom"), "--url", url, ...command], {
    encoding: "utf8",
  });
  if (!stdout.startsWith(url)) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout.split("\n")[0].trim();
}

/** Invite a person on the command line; returns the link. */
export const invite = (url, name, role) => printed(url, "invite", name, "--role", role);

/** Make a hook on the command line; returns its address. */
export const makeHook = (url, name) => printed(url, "hooks", "create", name, "--room", "general");
