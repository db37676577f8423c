import type { CloudHistoryQuery, CloudListener, CloudPosition, CloudStream } from "../../api/backend";
import type { CloudEvent, CloudHistory } from "../../contract/generated";

const HEARTBEAT_MS = 15_000;

/** The events of the cloud service: stored, and streamed to clients. */
export class CloudFeed {
  readonly events: CloudEvent[] = [];
  /** Whether every stream begins with a reset. */
  alwaysResets = false;
  private epoch = 1;
  private readonly listeners = new Set<CloudListener>();

  constructor(private readonly defer: (action: () => void) => void) {}

  /** The position after the latest event, and its time if there is one. */
  position() {
    const timestamp = this.events.at(-1)?.timestamp;
    return { seq: this.events.length, epoch: `e${this.epoch}`, ...(timestamp ? { timestamp } : {}) };
  }

  history({ before = Number.POSITIVE_INFINITY, limit, ...wanted }: CloudHistoryQuery): CloudHistory {
    const { instance, type, actor, from, to } = wanted;
    const found = this.events.filter(
      event =>
        event.seq < before &&
        (instance === undefined || event.instanceId === instance) &&
        (type === undefined || event.type === type) &&
        (actor === undefined || event.actor === actor) &&
        (from === undefined || event.timestamp >= from) &&
        (to === undefined || event.timestamp <= to),
    );
    const events = found.slice(-limit);
    const [first] = events;
    return {
      events,
      epoch: `e${this.epoch}`,
      ...(first && events.length < found.length ? { next: first.seq } : {}),
    };
  }

  publish(content: Omit<CloudEvent, "seq">): void {
    const event = { seq: this.events.length + 1, ...content };
    this.events.push(event);
    for (const listener of this.listeners) listener.onChanges([event]);
  }

  open({ seq: since, epoch }: CloudPosition, listener: CloudListener): CloudStream {
    let heartbeats: ReturnType<typeof setInterval> | undefined;
    let listening = true;
    this.defer(() => {
      if (!listening) return;
      listener.onOpen();
      heartbeats = setInterval(() => {
        if (this.listeners.has(listener)) listener.onAlive();
      }, HEARTBEAT_MS);
      const isOther = epoch !== undefined && epoch !== `e${this.epoch}`;
      if (isOther || this.alwaysResets) return listener.onReset();
      const missed = this.events.filter(event => event.seq > since);
      if (missed.length > 0) listener.onChanges(missed);
      this.listeners.add(listener);
    });
    return {
      close: () => {
        listening = false;
        clearInterval(heartbeats);
        this.listeners.delete(listener);
      },
    };
  }

  /** Forget all events, like a portal that is set up again; streams are cut. */
  renew(): void {
    this.events.length = 0;
    this.epoch += 1;
    this.cutAll();
  }

  /** Let all streams go dead, as if the network dropped every packet: nothing closes them. */
  swallow(): void {
    this.listeners.clear();
  }

  cutAll(comeBackMs?: number): void {
    for (const listener of [...this.listeners]) {
      this.listeners.delete(listener);
      listener.onClose(comeBackMs);
    }
  }

  resetAll(): void {
    for (const listener of [...this.listeners]) listener.onReset();
  }
}
