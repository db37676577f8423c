#!/usr/bin/env node
// Starts the Firefox that FIREFOX names, with the same arguments, and passes WebDriver BiDi on. Playwright sends
// commands of emulation that a release of Firefox may not have yet: their errors are turned into success, because the
// tests don't depend on their effect.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import WebSocket, { WebSocketServer } from "ws";

const LISTENING = /WebDriver BiDi listening on (ws:\/\/\S+)/;
const OPTIONAL = /^emulation\./;

/** Pass the messages of one connection on, in both directions. */
function relay(client, address) {
  const browser = new WebSocket(address, { perMessageDeflate: false });
  const waiting = [];
  const optional = new Set();
  client.on("message", data => {
    const { id, method } = JSON.parse(data);
    if (OPTIONAL.test(method)) optional.add(id);
    if (browser.readyState === WebSocket.OPEN) browser.send(String(data));
    else waiting.push(String(data));
  });
  browser.on("open", () => {
    for (const text of waiting.splice(0)) browser.send(text);
  });
  browser.on("message", data => {
    const { id, error } = JSON.parse(data);
    const isMissing = error === "unknown command" && optional.has(id);
    client.send(isMissing ? JSON.stringify({ type: "success", id, result: {} }) : String(data));
  });
  for (const [from, to] of [
    [client, browser],
    [browser, client],
  ]) {
    from.on("close", () => to.close());
    from.on("error", () => to.terminate());
  }
}

const firefox = spawn(process.env.FIREFOX, process.argv.slice(2), { stdio: ["ignore", "inherit", "pipe"] });
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
let address = "";
server.on("connection", (client, { url }) => relay(client, address + url));
createInterface({ input: firefox.stderr }).on("line", line => {
  address = LISTENING.exec(line)?.[1] ?? address;
  console.error(
    line.replace(LISTENING, `WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}`),
  );
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => firefox.kill(signal));
firefox.on("error", error => {
  console.error(error.message);
  process.exit(1);
});
firefox.on("exit", code => process.exit(code ?? 1));
