import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Page } from "@playwright/test";
import { joinChat, openAccount, sendMessage, test, uniqueName } from "./kit/portal";

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
  await push.click();
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
