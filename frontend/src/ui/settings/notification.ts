/**
 * Whether this browser can show notifications for a page. Chrome on Android has the constructor, but it throws there,
 * and so does any use of it in some embedded browsers. So the constructor is tried; without permission, it shows nothing.
 */
export function notificationsWork(): boolean {
  try {
    if (Notification.permission !== "granted") new Notification("");
    return true;
  } catch {
    return false;
  }
}

/** Ask the user for permission. Returns whether notifications can be shown. */
export async function mayNotify(): Promise<boolean> {
  try {
    return (await Notification.requestPermission()) === "granted";
  } catch {
    return false;
  }
}

/** Show a notification that opens the page, and then calls `onOpen`; does nothing if the browser can't. */
export function showNotification(title: string, body: string, tag: string, onOpen = () => {}): void {
  try {
    if (Notification.permission !== "granted") return;
    const notification = new Notification(title, { body, tag });
    notification.onclick = () => {
      window.focus();
      onOpen();
      notification.close();
    };
  } catch {
    // Nothing is lost: the message is in the page, and the title counts it.
  }
}
