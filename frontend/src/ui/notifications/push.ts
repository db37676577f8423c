import type { NotificationsApi } from "../../api/backend";
import type { PushView } from "../../contract/generated";

/** How long to wait for the service worker, which a first visit has yet to install. */
const WORKER_WITHIN_MS = 5_000;

/** Whether this browser can get pushes for this page: over HTTPS, and with a service worker. */
export const pushWorks = (): boolean =>
  OPSROOM_WORKER !== "" && "PushManager" in window && navigator.serviceWorker !== undefined;

async function workerOf(): Promise<ServiceWorkerRegistration | undefined> {
  return Promise.race([
    navigator.serviceWorker.ready,
    new Promise<undefined>(resolve => setTimeout(resolve, WORKER_WITHIN_MS)),
  ]);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const decoded = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(decoded, char => char.charCodeAt(0));
}

const isSame = (one: ArrayBuffer | null, other: Uint8Array): boolean =>
  one !== null &&
  one.byteLength === other.byteLength &&
  new Uint8Array(one).every((byte, at) => byte === other[at]);

/**
 * Subscribe this browser, and say so to the server; also if it is subscribed already: the server may have lost it.
 * Returns undefined if the browser refuses, or the server pushes nothing.
 */
export async function subscribe(api: NotificationsApi, token: string): Promise<PushView | undefined> {
  const { push } = await api.get(token);
  const worker = push && (await workerOf());
  if (!worker) return undefined;
  const key = bytesOf(push.publicKey);
  const before = await worker.pushManager.getSubscription();
  // A server that was set up anew has other keys.
  const isOurs = before !== null && isSame(before.options.applicationServerKey, key);
  if (before && !isOurs) await before.unsubscribe();
  try {
    const options = { userVisibleOnly: true, applicationServerKey: key };
    const made = isOurs ? before : await worker.pushManager.subscribe(options);
    const { endpoint, keys } = made.toJSON();
    const [p256dh, auth] = [keys?.p256dh, keys?.auth];
    if (!endpoint || !p256dh || !auth) return undefined;
    return await api.subscribe({ endpoint, keys: { p256dh, auth } }, token);
  } catch (error) {
    // The browser has no push service, or no permission.
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

/** End the subscription of this browser. Who signs in next has another one. */
export async function unsubscribe(): Promise<void> {
  const worker = pushWorks() ? await workerOf() : undefined;
  await (await worker?.pushManager.getSubscription())?.unsubscribe();
}
