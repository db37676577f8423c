import type {
  CloudHistoryQuery,
  CloudListener,
  CloudPosition,
  CloudStream,
  CommandRequest,
} from "../api/backend";
import { ApiError } from "../api/errors";
import {
  type Approval,
  type CloudEvent,
  type CloudHistory,
  COMMANDS,
  type Command,
  CREATING,
  DONE,
  type ErrorCode,
  type EventType,
  type Instance,
  type InstanceChanged,
  type InstanceList,
  type InstancePatch,
  type LifecycleCommand,
  type NewAdoption,
  type NewInstance,
  type Operation,
  SIMULATED,
} from "../contract/generated";
import { defaultName, newServer, settled, withLabels } from "./facts";
import { MockProviders } from "./provider";

const HEARTBEAT_MS = 15_000;
/** How long a step of a real provider takes. */
const WORK_MS = 700;
const APPROVAL_MS = 15 * 60_000;
const NO_VOTES: Approval = { need: 1, role: "operator", approvedBy: [], authors: [], voters: [] };
const WORK_PERCENTS = [20, 55, 90];

const refuse = (code: ErrorCode, detail: string, field?: string) =>
  new ApiError({ code, detail, ...(field ? { field } : {}) });

/** What an event has besides what its operation and its server have. */
interface EventDetails {
  readonly reason?: string;
  readonly actor?: string;
}

/** The cloud service as a client sees it. */
export class MockCloud {
  readonly events: CloudEvent[] = [];
  readonly providers = new MockProviders();
  private epoch = 1;
  /** Whether events contain the instance that they leave; those of older servers don't. */
  carriesInstance = true;
  /** How far the server's clock is ahead of the device's. */
  clockAheadMs = 0;
  /** Why the next operations fail; undefined if they succeed. */
  failure: string | undefined;
  /** Whether every stream begins with a reset. */
  alwaysResets = false;
  /** Whether the next commands must be approved. */
  needsApproval = false;
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

  /** The server with an id or a name. Throws what the server would answer if there is none. */
  require(reference: string): Instance {
    const found =
      this.instances.get(reference) ?? [...this.instances.values()].find(one => one.name === reference);
    if (!found) throw refuse("instance_not_found", "There is no such instance.");
    return found;
  }

  command({ command, instanceId, creation, key }: CommandRequest, actor: string, at = this.now()): Operation {
    const earlier = this.operations.get(this.byKey.get(key) ?? "");
    if (earlier) return earlier;
    const instance = instanceId === undefined ? this.build(creation, at) : this.require(instanceId);
    if (instanceId !== undefined) this.check(command, instance);
    return this.accept(command, instance, actor, key, { at, start: creation?.start ?? false });
  }

  /** Take in what a provider runs already. */
  adopt({ provider, resource, name, labels = {} }: NewAdoption, key: string, actor: string): Operation {
    const earlier = this.operations.get(this.byKey.get(key) ?? "");
    if (earlier) return earlier;
    if (name !== undefined) this.requireFree(name);
    const found = this.providers.take(provider, resource);
    if (!found) throw refuse("not_found", "There is no such resource.");
    const at = this.now();
    const id = this.newId();
    const server = newServer(id, name ?? defaultName(id), at, { provider, labels });
    const instance = { ...server, resource, state: found.state };
    return this.accept("adopt", instance, actor, key, { at, start: found.state === "running" });
  }

  /** Change the name, labels or protection of a server; takes effect at once. */
  change(
    reference: string,
    { name, labels, protected: isProtected }: InstancePatch,
    actor: string,
  ): InstanceChanged {
    const { id, name: before } = this.require(reference);
    if (name !== undefined && name !== before) this.requireFree(name);
    const operations: Operation[] = [];
    const apply = (command: Command, part: Partial<Instance>) => {
      const at = this.now().toISOString();
      const operation: Operation = {
        ...{ id: `o${this.operations.size + 1}`, command, instanceId: id, status: "done" as const },
        ...{ actor, acceptedAt: at, dueAt: at },
      };
      this.operations.set(operation.id, operation);
      this.instances.set(id, { ...this.require(id), ...part });
      this.append(DONE[command], operation, this.now());
      operations.push(operation);
    };
    if (name !== undefined) apply("rename", { name });
    if (labels) apply("label", { labels: withLabels(this.require(id).labels, labels) });
    if (isProtected !== undefined) apply(isProtected ? "protect" : "unprotect", { protected: isProtected });
    return { operations, instance: this.require(id) };
  }

  /** What happens to a server outside the portal. */
  outside(reference: string, part: Partial<Instance>): void {
    const before = this.require(reference);
    const at = this.now();
    const timestamp = part.state && part.state !== before.state ? { timestamp: at.toISOString() } : {};
    const instance = { ...before, ...timestamp, ...part };
    this.instances.set(before.id, instance);
    this.publish({
      ...{ seq: this.events.length + 1, type: part.condition === "lost" ? "lost" : "observed" },
      ...{ instanceId: before.id, state: instance.state, actor: "outside", timestamp: at.toISOString() },
      ...{ instance, ...(part.reason ? { reason: part.reason } : {}) },
    });
  }

  cancel(operationId: string, actor: string): Operation {
    const operation = this.operations.get(operationId);
    if (!operation) throw refuse("operation_not_found", "There is no such operation.");
    const instance = this.instances.get(operation.instanceId);
    const isOpen = operation.status === "pending" || operation.status === "awaiting_approval";
    if (!isOpen || instance?.pending?.progress)
      throw refuse("operation_finished", "The operation is finished.");
    clearTimeout(this.timers.get(operationId));
    const cancelled: Operation = { ...operation, status: "cancelled" };
    this.operations.set(operationId, cancelled);
    if (CREATING.includes(operation.command) || !instance) this.instances.delete(operation.instanceId);
    else this.instances.set(instance.id, settled(instance));
    this.append("cancelled", operation, this.now(), { actor });
    return cancelled;
  }

  /** Approve or deny a command that awaits it. */
  decide(operationId: string, decision: "approve" | "deny", actor: string): Operation {
    const operation = this.operations.get(operationId);
    if (!operation) throw refuse("operation_not_found", "There is no such operation.");
    const instance = this.instances.get(operation.instanceId);
    const waiting = instance?.pending;
    if (operation.status !== "awaiting_approval" || !instance || !waiting?.approval)
      throw refuse("not_awaiting", "The operation does not await approval.");
    if (operation.actor === actor) throw refuse("forbidden", "Its author can't decide about it.");
    const at = this.now();
    if (decision === "deny") {
      const denied: Operation = { ...operation, status: "denied" };
      this.operations.set(operationId, denied);
      if (CREATING.includes(operation.command)) this.instances.delete(instance.id);
      else this.instances.set(instance.id, settled(instance));
      this.append("denied", denied, at, { actor });
      return denied;
    }
    this.append("approved", operation, at, { actor });
    const { approval: _approval, ...pending } = waiting;
    const dueAt = new Date(at.getTime() + this.delayMs).toISOString();
    const approved: Operation = { ...operation, status: "pending", dueAt };
    this.operations.set(operationId, approved);
    this.instances.set(instance.id, { ...instance, pending: { ...pending, dueAt } });
    this.append("received", approved, at);
    this.later(approved, this.delayMs, () => this.work(approved, WORK_PERCENTS));
    return approved;
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

  private build(creation: NewInstance | undefined, at: Date): Instance {
    const { name, template, labels = {} } = creation ?? {};
    if (name !== undefined) this.requireFree(name);
    const chosen = template === undefined ? undefined : this.providers.template(template);
    if (template !== undefined && !chosen)
      throw refuse("template_unknown", `There is no template ${template}.`, "template");
    const provider = chosen?.provider ?? SIMULATED;
    this.requireConnected(provider);
    const id = this.newId();
    return newServer(id, name ?? defaultName(id), at, {
      ...{ provider, labels },
      ...(chosen && provider !== SIMULATED ? { template: chosen.template } : {}),
    });
  }

  private accept(
    command: Command,
    instance: Instance,
    actor: string,
    key: string,
    { at, start }: { readonly at: Date; readonly start: boolean },
  ): Operation {
    const operation: Operation = {
      ...{ id: `o${this.operations.size + 1}`, command, instanceId: instance.id, status: "pending" as const },
      ...{ actor, acceptedAt: at.toISOString(), dueAt: new Date(at.getTime() + this.delayMs).toISOString() },
    };
    this.byKey.set(key, operation.id);
    if (this.needsApproval) return this.ask(operation, instance, at, start);
    this.operations.set(operation.id, operation);
    const { status: _status, instanceId: _id, ...pending } = operation;
    this.instances.set(instance.id, { ...instance, pending: { ...pending, ...(start ? { start } : {}) } });
    this.append("received", operation, at);
    const wait = at.getTime() + this.delayMs - this.now().getTime();
    if (wait <= 0) this.finish(operation, new Date(operation.dueAt));
    else this.later(operation, wait, () => this.work(operation, WORK_PERCENTS));
    return operation;
  }

  /** Let a command await approval. */
  private ask(accepted: Operation, instance: Instance, at: Date, start: boolean): Operation {
    const dueAt = new Date(at.getTime() + APPROVAL_MS).toISOString();
    const operation: Operation = { ...accepted, status: "awaiting_approval", dueAt, approval: NO_VOTES };
    this.operations.set(operation.id, operation);
    const { status: _status, instanceId: _id, ...pending } = operation;
    this.instances.set(instance.id, { ...instance, pending: { ...pending, ...(start ? { start } : {}) } });
    this.append("requested", operation, at);
    return operation;
  }

  private later(operation: Operation, ms: number, action: () => void): void {
    this.timers.set(operation.id, setTimeout(action, ms));
  }

  /** A real provider needs time, and reports how far it is; the simulated one is done at once. */
  private work(operation: Operation, [percent, ...rest]: readonly number[]): void {
    const instance = this.instances.get(operation.instanceId);
    const isReal = instance !== undefined && instance.provider !== SIMULATED;
    if (!isReal || !instance.pending || percent === undefined) return this.finish(operation, this.now());
    const pending = { ...instance.pending, progress: { percent } };
    this.instances.set(instance.id, { ...instance, pending });
    this.append("working", operation, this.now());
    this.later(operation, WORK_MS, () => this.work(operation, rest));
  }

  private requireFree(name: string): void {
    const isTaken = [...this.instances.values()].some(one => one.name === name || one.id === name);
    if (isTaken) throw refuse("name_taken", `${name} is the name of another server.`, "name");
  }

  private requireConnected(provider: string): void {
    if (this.providers.get(provider)?.connected !== true)
      throw refuse("provider_away", `${provider} is not connected.`);
  }

  private check(command: LifecycleCommand, instance: Instance): void {
    if (instance.pending) throw refuse("operation_pending", "Another operation is pending.");
    this.requireConnected(instance.provider);
    if (instance.protected && command !== "start") throw refuse("protected", "The instance is protected.");
    const needs: readonly string[] = COMMANDS[command].needs;
    const isLost = instance.condition === "lost" && command !== "remove";
    if (isLost || !needs.includes(instance.state))
      throw refuse("transition_invalid", `The instance is ${instance.state}.`);
  }

  private finish(operation: Operation, at: Date): void {
    const instance = this.instances.get(operation.instanceId);
    const { command } = operation;
    const hasFailed = this.failure !== undefined;
    this.operations.set(operation.id, { ...operation, status: hasFailed ? "failed" : "done" });
    if (!instance) return;
    if (this.failure !== undefined) {
      const reason = this.failure;
      if (CREATING.includes(command)) this.instances.delete(instance.id);
      else this.instances.set(instance.id, { ...settled(instance), condition: "failed", reason });
      return this.append("failed", operation, at, { reason });
    }
    const done = this.after(operation, instance, at);
    if (done) this.instances.set(instance.id, done);
    else this.instances.delete(instance.id);
    this.append(DONE[command], operation, at);
  }

  /** The server after its operation has succeeded; undefined if it is gone. */
  private after({ command }: Operation, instance: Instance, at: Date): Instance | undefined {
    const {
      reason: _reason,
      reasonCode: _code,
      ...well
    } = { ...settled(instance), condition: "ok" as const };
    const timestamp = at.toISOString();
    if (command === "adopt") return { ...well, timestamp };
    const leaves = COMMANDS[command as LifecycleCommand].leaves;
    if (leaves === null) return undefined;
    const state = command === "create" && instance.pending?.start ? "running" : leaves;
    const hasAddress = state === "running" && instance.provider !== SIMULATED;
    const { address: _address, ...rest } = well;
    return { ...rest, state, timestamp, ...(hasAddress ? { address: "10.0.0.14:8080" } : {}) };
  }

  private append(type: EventType, operation: Operation, at: Date, details: EventDetails = {}): void {
    const { id, instanceId, command, actor, dueAt } = operation;
    const instance = this.instances.get(instanceId);
    const progress = type === "working" ? instance?.pending?.progress : undefined;
    this.publish({
      ...{ seq: this.events.length + 1, type, instanceId, operationId: id, command },
      ...{ state: instance?.state ?? "stopped", actor, timestamp: at.toISOString() },
      ...(type === "received" ? { dueAt } : {}),
      ...(progress ? { progress } : {}),
      ...(instance && this.carriesInstance ? { instance } : {}),
      ...details,
    });
  }

  private publish(event: CloudEvent): void {
    this.events.push(event);
    for (const listener of this.listeners) listener.onChanges([event]);
  }
}
