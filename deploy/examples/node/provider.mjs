// A provider in JavaScript: a server is a file in the folder that is its argument. Any language with a client of NATS
// can do the same; docs/agents.md has the protocol. If it can't go on it exits, and a supervisor starts it again.
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, headers } from "@nats-io/transport-node";

const NAME = "files";
const [LIFETIME, MARGIN, RENEW, RECORD] = [15_000, 2_000, 5_000, 60_000]; // of the lease and the record, in ms
const { NATS_URL = "127.0.0.1:4222", NATS_USER: user, NATS_PASSWORD_FILE: file } = process.env;
const pass = file && readFileSync(file, "utf8").trim();
const folder = process.argv[2];
const instance = randomUUID();
const nats = await connect({ servers: NATS_URL.split(","), user, pass, inboxPrefix: `_INBOX.agent-${NAME}` });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What is on the disk. A crash leaves the old file or the new one.
const serverFile = (id) => `${folder}/servers/${id}`;
const outcomeFile = (id) => `${folder}/outcomes/${id}`;
function read(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}
function write(path, value) {
  writeFileSync(`${path}~`, JSON.stringify(value), { flush: true });
  renameSync(`${path}~`, path);
}
for (const path of ["servers", "outcomes"]) mkdirSync(`${folder}/${path}`, { recursive: true });

// The verbs.
const STATES = { create: "stopped", start: "running", restart: "running", stop: "stopped" };
const observation = ({ id, state }) => ({ id, state });
function apply({ operationId, command, server: { id, name, template }, start }) {
  const done = read(outcomeFile(operationId));
  if (done) return done; // nothing is done twice
  const known = read(serverFile(id));
  let outcome = { status: "done" };
  if (command === "remove") {
    rmSync(serverFile(id), { force: true });
  } else if (known || command === "create") {
    const server = { name, template, ...known, id, state: start ? "running" : STATES[command] };
    write(serverFile(id), server);
    outcome.observed = observation(server);
  } else {
    outcome = { status: "failed", reason: "there is no such file", code: "vanished" };
  }
  write(outcomeFile(operationId), outcome);
  return outcome;
}
function observe({ servers }) {
  const found = servers.map(({ id }) => read(serverFile(id))).filter(Boolean).map(observation);
  return { found, gone: servers.map(({ id }) => id).filter((id) => !found.some((one) => one.id === id)) };
}
function list({ after = "", limit = 100 }) {
  const ids = readdirSync(`${folder}/servers`).filter((id) => !id.endsWith("~") && id > after).sort();
  const servers = ids.slice(0, limit).map((id) => read(serverFile(id)));
  return { servers, next: ids.length > limit ? ids[limit - 1] : undefined };
}

// The lease. The time is that of the wall, because it goes on while the machine sleeps.
let [sequence, validUntil] = [0, 0];
async function hold() {
  const [sent, guard] = [Date.now(), headers()];
  guard.set("Nats-Expected-Last-Subject-Sequence", `${sequence}`);
  guard.set("Nats-TTL", `${LIFETIME / 1000}s`);
  const lease = JSON.stringify({ version: 1, process: instance });
  const ack = (await nats.request(`agents.leases.${NAME}`, lease, { headers: guard, timeout: 2000 })).json();
  if (ack.error) throw new Error(ack.error.description);
  [sequence, validUntil] = [ack.seq, sent + LIFETIME - MARGIN];
}
for (;;) {
  const wanted = JSON.stringify({ last_by_subj: `agents.leases.${NAME}` });
  const last = await nats.request("$JS.API.DIRECT.GET.AGENTS", wanted, { timeout: 2000 });
  const isFree = last.headers.code === 404 || last.json().released;
  sequence = Number(last.headers.get("Nats-Sequence") || 0);
  if (isFree && (await hold().then(() => true, () => false))) break;
  await pause(1000); // another process has it: stand by
}

// At work.
const record = { version: 1, name: NAME, kind: "files", process: instance, startedAt: new Date().toISOString() };
record.templates = [{ name: "file", description: "A file" }];
const report = () => nats.request(`agents.records.${NAME}`, JSON.stringify(record));
for (const [verb, handle] of Object.entries({ apply, observe, list })) {
  const callback = (error, message) => {
    if (error || Date.now() > validUntil) process.exit(1); // the lease is lost: nobody may be answered
    message.respond(JSON.stringify(handle(message.json())));
  };
  nats.subscribe(`provider.${NAME}.${verb}`, { callback });
}
await report();
setInterval(report, RECORD);
for (;;) {
  await pause(RENEW);
  await hold();
}
