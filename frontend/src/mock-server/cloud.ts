import type {
  CloudHistoryQuery,
  CloudListener,
  CloudPosition,
  CloudStream,
  CommandRequest,
} from "../api/backend";
import { ApiError } from "../api/errors";
import {
  type CloudEvent,
  type CloudHistory,
  COMMANDS,
  type Command,
  type CommandSpec,
  type ErrorCode,
  type EventType,
  type Instance,
  type InstanceList,
  type Operation,
} from "../contract/generated";

const HEARTBEAT_MS = 15_000;

const refuse = (code: ErrorCode, detail: string) => new ApiError({ code, detail });

/** The cloud service as a client sees it. */
export class MockCloud {
  readonly events: CloudEvent[] = [];
  private epoch = 1;
  /** Whether events contain the instance that they leave; those of older servers don't. */
  carriesInstance = true;
  /** How far the server's clock is ahead of the device's. */
  clockAheadMs = 0;
  /** Why the next operations fail; undefined if they succeed. */
  failure: string | undefined;
  /** Whether every stream begins with a reset. */
  alwaysResets = false;
  private readonly instances = new Map<string, Instance>();
  private readonly operations = new Map<string, Operation>();
  private readonly byKey = new Map<string, string>();
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly listeners = new Set<CloudListener>();
  private ids = 0;

  constructor(
    private readonly delayMs: number,
    private readonly defer: (action: () => void) => void,
    private readonly newId: () => string = () => `i${++this.ids}`,
  ) {}

  list(): InstanceList {
    const timestamp = this.events.at(-1)?.timestamp;
    const position = {
      seq: this.events.length,
      epoch: `e${this.epoch}`,
      ...(timestamp ? { timestamp } : {}),
    };
    return { ...position, instances: [...this.instances.values()] };
  }

  /** The server's time. */
  now(): Date {
    return new Date(Date.now() + this.clockAheadMs);
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

  command({ command, instanceId, key }: CommandRequest, actor: string, at = this.now()): Operation {
    const earlier = this.operations.get(this.byKey.get(key) ?? "");
    if (earlier) return earlier;
    const id = instanceId ?? this.newId();
    const instance = this.instances.get(id);
    if (command !== "create") this.check(command, instance);
    const operation: Operation = {
      id: `o${this.operations.size + 1}`,
      command,
      instanceId: id,
      status: "pending",
      actor,
      acceptedAt: at.toISOString(),
      dueAt: new Date(at.getTime() + this.delayMs).toISOString(),
    };
    this.operations.set(operation.id, operation);
    this.byKey.set(key, operation.id);
    this.instances.set(id, {
      ...(instance ?? { id, state: "stopped", timestamp: operation.acceptedAt }),
      pending: operation,
    });
    this.append("received", operation, at);
    const wait = at.getTime() + this.delayMs - this.now().getTime();
    if (wait <= 0) this.finish(operation, new Date(operation.dueAt));
    else
      this.timers.set(
        operation.id,
        setTimeout(() => this.finish(operation, this.now()), wait),
      );
    return operation;
  }

  cancel(operationId: string, actor: string): Operation {
    const operation = this.operations.get(operationId);
    if (!operation) throw refuse("operation_not_found", "There is no such operation.");
    if (operation.status !== "pending") throw refuse("operation_finished", "The operation is finished.");
    clearTimeout(this.timers.get(operationId));
    const cancelled: Operation = { ...operation, status: "cancelled" };
    this.operations.set(operationId, cancelled);
    const instance = this.instances.get(operation.instanceId);
    if (operation.command === "create" || !instance) this.instances.delete(operation.instanceId);
    else this.instances.set(instance.id, settled(instance));
    this.append("cancelled", { ...operation, actor }, this.now());
    return cancelled;
  }

  open({ seq: since, epoch }: CloudPosition, listener: CloudListener): CloudStream {
    let heartbeats: ReturnType<typeof setInterval> | undefined;
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
    let listening = true;
    return {
      close: () => {
        listening = false;
        clearInterval(heartbeats);
        this.listeners.delete(listener);
      },
    };
  }

  /** Replace all servers by none, like a portal that is set up again; streams are cut. */
  renew(): void {
    this.events.length = 0;
    this.instances.clear();
    this.operations.clear();
    this.byKey.clear();
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

  private check(command: Command, instance: Instance | undefined): void {
    if (!instance) throw refuse("instance_not_found", "There is no such instance.");
    if (instance.pending) throw refuse("operation_pending", "Another operation is pending.");
    const { needs }: CommandSpec = COMMANDS[command];
    if (!needs.includes(instance.state))
      throw refuse("transition_invalid", `The instance is ${instance.state}.`);
  }

  private finish(operation: Operation, at: Date): void {
    this.operations.set(operation.id, { ...operation, status: "done" });
    const instance = this.instances.get(operation.instanceId);
    if (!instance) return;
    const { done, leaves }: CommandSpec = COMMANDS[operation.command];
    if (this.failure !== undefined) {
      this.operations.set(operation.id, { ...operation, status: "failed" });
      if (operation.command === "create") this.instances.delete(instance.id);
      else this.instances.set(instance.id, settled(instance));
      return this.append("failed", operation, at, this.failure);
    }
    if (leaves === null) this.instances.delete(instance.id);
    else
      this.instances.set(instance.id, { ...settled(instance), state: leaves, timestamp: at.toISOString() });
    this.append(done, operation, at);
  }

  private append(type: EventType, operation: Operation, at: Date, reason?: string): void {
    const { id, instanceId, command, actor, dueAt } = operation;
    const instance = this.instances.get(instanceId);
    const event: CloudEvent = {
      seq: this.events.length + 1,
      type,
      instanceId,
      operationId: id,
      command,
      state: instance?.state ?? "stopped",
      actor,
      timestamp: at.toISOString(),
      ...(type === "received" ? { dueAt } : {}),
      ...(instance && this.carriesInstance ? { instance } : {}),
      ...(reason === undefined ? {} : { reason }),
    };
    this.events.push(event);
    for (const listener of this.listeners) listener.onChanges([event]);
  }
}

const settled = ({ id, state, timestamp }: Instance): Instance => ({ id, state, timestamp });
