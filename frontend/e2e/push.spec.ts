import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Page } from "@playwright/test";
import { joinChat, openAccount, sendMessage, testsWithPortal, uniqueName } from "./kit/portal";

const test = testsWithPortal(["--ephemeral"], { CHAT_PUSH_PRIVATE: "1", CHAT_PUSH_DELAY_SECONDS: "1" });
test.use({ serviceWorkers: "allow" });

interface PushService {
  readonly url: string;
  /** The headers of the requests that it got. */
  readonly got: Record<string, string | string[] | undefined>[];
  readonly close: () => Promise<unknown>;
}

/** A push service that accepts everything. What is encrypted is tested in Python. */
async function startPushService(): Promise<PushService> {
  const got: PushService["got"] = [];
  const server: Server = createServer((request, response) => {
    request.resume().on("end", () => {
      got.push(request.headers);
      response.writeHead(201, { Location: "/message/1" }).end();
    });
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    got,
    close: () => new Promise(resolve => server.close(resolve)),
  };
}

/** Let the browser subscribe at a push service of this test: its own needs the internet. */
async function fakePushManager(page: Page, endpoint: string): Promise<void> {
  await page.addInitScript(address => {
    let current: object | null = null;
    const encode = (bytes: ArrayBuffer) =>
      btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll("+", "-")
        .replaceAll("/", "_")
        .replaceAll("=", "");
    Object.assign(PushManager.prototype, {
      getSubscription: async () => current,
      subscribe: async ({ applicationServerKey }: { applicationServerKey: Uint8Array }) => {
        const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
          "deriveBits",
        ]);
        const p256dh = encode(await crypto.subtle.exportKey("raw", pair.publicKey));
        const auth = encode(crypto.getRandomValues(new Uint8Array(16)).buffer);
        current = {
          options: { applicationServerKey: applicationServerKey.buffer },
          toJSON: () => ({ endpoint: address, keys: { p256dh, auth } }),
          unsubscribe: async () => {
            current = null;
            return true;
          },
        };
        return current;
      },
    });
    Object.assign(Notification, { requestPermission: async () => "granted" });
  }, endpoint);
}

test("a mention is pushed to a device whose page is closed", async ({ browser, page, portal }) => {
  const service = await startPushService();
  const context = await browser.newContext({ serviceWorkers: "allow" });
  const ann = await context.newPage();
  await fakePushManager(ann, `${service.url}/ann`);
  await ann.goto(portal.url);
  const name = uniqueName("Ann");
  await joinChat(ann, name);
  await (await openAccount(ann)).getByRole("button", { name: "Notifications" }).click();
  const push = ann.getByRole("checkbox", { name: "Notify me while Opsroom is closed" });
  await push.check();
  await expect(ann.getByRole("dialog")).toContainText("One of your devices gets push notifications.");
  await expect(push).toBeChecked();
  await ann.close();

  await page.goto(portal.url);
  await joinChat(page, uniqueName("Bob"));
  await sendMessage(page, "nobody in particular");
  await sendMessage(page, `hello @${name}`);
  await expect.poll(() => service.got.length).toBe(1);
  expect(service.got[0]).toMatchObject({ urgency: "high", "content-encoding": "aes128gcm" });
  expect(service.got[0]?.authorization).toMatch(/^vapid t=.+, k=.+$/);
  await context.close();
  await service.close();
});

test("the service worker shows a push, with the address of its message", async ({ browser, portal }) => {
  const context = await browser.newContext({ serviceWorkers: "allow", permissions: ["notifications"] });
  const page = await context.newPage();
  await page.goto(portal.url);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const session = await context.newCDPSession(page);
  const registered = new Promise<string>(resolve => {
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const [found] = registrations.filter(one => !one.isDeleted);
      if (found) resolve(found.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  const registrationId = await registered;
  const shown = () =>
    page.evaluate(async () => {
      const worker = await navigator.serviceWorker.ready;
      return (await worker.getNotifications()).map(({ title, body, tag, data }) => ({
        title,
        body,
        tag,
        data,
      }));
    });
  const push = { version: 1, reason: "mention", room: "general", roomName: "general", id: "m", seq: 7 };
  const deliver = (data: object) =>
    session.send("ServiceWorker.deliverPushMessage", {
      origin: portal.url,
      registrationId,
      data: JSON.stringify(data),
    });
  // The page is visible, and shows the message itself.
  await deliver({ ...push, sender: "Ann", text: "seen" });
  await deliver({ version: 2 });
  // Another page hides it: a worker has no windows of other sites.
  const [worker] = context.serviceWorkers();
  await worker?.evaluate(() => {
    Object.assign(self, { clients: { matchAll: async () => [] } });
  });
  await deliver({ ...push, sender: "Ann", text: "hello" });
  await expect
    .poll(shown)
    .toEqual([{ title: "Ann · general", body: "hello", tag: "general", data: "#/rooms/general?message=7" }]);
  await context.close();
});
