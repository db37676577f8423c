import { afterEach, expect, it, vi } from "vitest";
import { mayNotify, notificationsWork, showNotification } from "./notification";

afterEach(() => vi.unstubAllGlobals());

/** A browser's class of notifications, with the titles that it showed. */
function stubNotification(permission: NotificationPermission, fails = false) {
  const shown: string[] = [];
  class Stub {
    static permission = permission;
    static requestPermission = async () => permission;
    constructor(title: string) {
      if (fails)
        throw new TypeError("Illegal constructor. Use ServiceWorkerRegistration.showNotification() instead.");
      if (permission === "granted") shown.push(title);
    }
  }
  vi.stubGlobal("Notification", Stub);
  return shown;
}

it("shows nothing while it finds out whether notifications work", () => {
  const shown = stubNotification("granted");
  expect(notificationsWork()).toBe(true);
  expect(shown).toEqual([]);
  stubNotification("default");
  expect(notificationsWork()).toBe(true);
});

it("finds out that the constructor throws, as in Chrome on Android, and never fails because of it", () => {
  stubNotification("default", true);
  expect(notificationsWork()).toBe(false);
  stubNotification("granted", true);
  expect(() => showNotification("Ann", "hello", "m1")).not.toThrow();
});

it("works without notifications at all", async () => {
  vi.stubGlobal("Notification", undefined);
  expect(notificationsWork()).toBe(false);
  expect(await mayNotify()).toBe(false);
  expect(() => showNotification("Ann", "hello", "m1")).not.toThrow();
});

it("shows a notification only with permission", () => {
  const [denied, granted] = (["denied", "granted"] as const).map(permission => {
    const shown = stubNotification(permission);
    showNotification("Ann", "hello", "m1");
    return shown;
  });
  expect([denied, granted]).toEqual([[], ["Ann"]]);
});
