import { isHashed, keptFile, PAGE } from "./kept-file";
import { hashOf, pushedIn, titleOf } from "./push";

// Keeps the files of the page, so that it opens without a network. See docs/decisions/0052-offline-page.md.

declare const self: ServiceWorkerGlobalScope;
declare const OPSROOM_BUILD: string;

/** Each file of the page and its integrity. The build replaces the text. */
const FILES: Readonly<Record<string, string>> = JSON.parse("%PRECACHE%");
const NAMES: ReadonlySet<string> = new Set(Object.keys(FILES));
const { scope } = self.registration;
/** Caches belong to an origin, where other portals may be served below other paths. */
const PREFIX = `opsroom-page ${scope} `;
const CACHE = PREFIX + OPSROOM_BUILD;

const addressOf = (file: string): string => scope + (file === PAGE ? "" : file);

/**
 * Store all files, or fail. The browser compares each with its integrity: while an update is being rolled out,
 * another gateway may still serve another version of a file without a hash in its name.
 */
async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(
    Object.entries(FILES).map(async ([file, integrity]) => {
      const address = addressOf(file);
      const response = await fetch(address, { integrity, cache: isHashed(file) ? "default" : "no-cache" });
      if (!response.ok) throw new Error(`${address}: ${response.status}`);
      await cache.put(address, response);
    }),
  );
  // The next navigation gets this version. Pages that are open keep theirs: its files stay in the cache before.
  await self.skipWaiting();
}

/** Delete the caches of earlier versions except the last one, which open pages may still use. */
async function activate(): Promise<void> {
  const earlier = (await caches.keys()).filter(name => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(earlier.slice(0, -1).map(name => caches.delete(name)));
  await self.clients.claim();
}

async function respond(file: string, request: Request): Promise<Response> {
  const options = { ignoreVary: true };
  const own = await (await caches.open(CACHE)).match(addressOf(file), options);
  if (own) return own;
  const earlier = isHashed(file) ? await caches.match(addressOf(file), options) : undefined;
  return earlier ?? fetch(request);
}

const windows = (): Promise<readonly WindowClient[]> =>
  self.clients.matchAll({ type: "window", includeUncontrolled: true });

/** Show a push, unless the user has the page before them, which shows the message itself. */
async function onPush(data: PushMessageData | null): Promise<void> {
  let content: unknown;
  try {
    content = data?.json();
  } catch {
    content = undefined;
  }
  const pushed = pushedIn(content);
  if (!pushed || (await windows()).some(one => one.visibilityState === "visible")) return;
  if (pushed.unread !== undefined && navigator.setAppBadge)
    await navigator.setAppBadge(pushed.unread).catch(() => undefined);
  await self.registration.showNotification(titleOf(pushed), {
    body: pushed.text,
    // A later message of the room replaces it, and so does the notification of an open page.
    tag: pushed.room,
    icon: `${scope}icon-192.png`,
    data: hashOf(pushed),
  });
}

/** Go to the message: in a page that is open, or in a new one. */
async function openMessage(hash: string): Promise<void> {
  const address = scope + hash;
  const [open] = (await windows()).filter(one => one.url.startsWith(scope));
  if (!open) return void (await self.clients.openWindow(address));
  await open.focus();
  // Only the hash changes, so nothing is loaded.
  await open.navigate(address).catch(() => self.clients.openWindow(address));
}

self.addEventListener("push", event => event.waitUntil(onPush(event.data)));
self.addEventListener("notificationclick", event => {
  event.notification.close();
  event.waitUntil(openMessage(String(event.notification.data ?? "")));
});
self.addEventListener("install", event => event.waitUntil(install()));
self.addEventListener("activate", event => event.waitUntil(activate()));
self.addEventListener("fetch", event => {
  const file = keptFile(event.request, scope, NAMES);
  if (file !== undefined) event.respondWith(respond(file, event.request));
});
// A page asks which version it would get if it were loaded now.
self.addEventListener("message", event => event.ports[0]?.postMessage(OPSROOM_BUILD));
