/** How often a page that stays open looks for a newer version. */
const INTERVAL_MS = 3_600_000;
/** Reconnections and returns to the tab don't cause more requests than this. */
const PAUSE_MS = 60_000;
const REPLY_WITHIN_MS = 10_000;
const GONE: readonly number[] = [404, 410];

export interface UpdateOptions {
  readonly container: ServiceWorkerContainer;
  /** The address of the service worker, relative to the page. */
  readonly worker: string;
  /** The version of this page. */
  readonly version: string;
  /** Called with the version that the next load gets. */
  readonly onReady: (served: string) => void;
  /** Called after the worker has been removed, because the server has none any more. */
  readonly onGone: () => void;
}

/** The version of the page that a worker would serve; undefined if it doesn't reply. */
function versionOf(worker: ServiceWorker): Promise<string | undefined> {
  return new Promise(resolve => {
    const { port1, port2 } = new MessageChannel();
    const finish = (version: string | undefined) => {
      clearTimeout(timer);
      port1.close();
      resolve(version);
    };
    const timer = setTimeout(() => finish(undefined), REPLY_WITHIN_MS);
    port1.onmessage = ({ data }) => finish(String(data));
    worker.postMessage("version", [port2]);
  });
}

/** Whether the server responds, and has no worker. Without a network it is not known. */
async function isGone(worker: string): Promise<boolean> {
  try {
    const { status } = await fetch(worker, { method: "HEAD", cache: "no-store" });
    return GONE.includes(status);
  } catch {
    return false;
  }
}

/** Install the worker that keeps the page's files, and report a newer version of the page. */
export class PageUpdates {
  private lastCheckAt = performance.now();

  private constructor(
    private readonly options: UpdateOptions,
    private readonly registration: ServiceWorkerRegistration,
  ) {}

  /** Returns undefined if the browser allows no worker, as with blocked storage. */
  static async watch(options: UpdateOptions): Promise<PageUpdates | undefined> {
    try {
      const registration = await options.container.register(options.worker, { updateViaCache: "none" });
      const updates = new PageUpdates(options, registration);
      options.container.addEventListener("controllerchange", () => void updates.compare());
      setInterval(() => void updates.check(), INTERVAL_MS);
      // It may have changed before the listener was there.
      await updates.compare();
      // Browsers look by themselves after a load, but some of them much later.
      if (options.container.controller) void updates.check();
      return updates;
    } catch {
      return undefined;
    }
  }

  /** Look for a newer version, unless that was done a moment ago: the server may have been replaced. */
  checkSoon = (): void => {
    if (performance.now() - this.lastCheckAt > PAUSE_MS) void this.check();
  };

  private async check(): Promise<void> {
    this.lastCheckAt = performance.now();
    const { container, worker, onGone } = this.options;
    try {
      await this.registration.update();
    } catch {
      // Another program may be served here now, and the worker would hide it.
      if (!container.controller || !(await isGone(worker))) return;
      await this.registration.unregister();
      onGone();
    }
  }

  /** A worker that has taken over serves its own version from now on. */
  private async compare(): Promise<void> {
    const { container, version, onReady } = this.options;
    const served = container.controller && (await versionOf(container.controller));
    if (served && served !== version) onReady(served);
  }
}
