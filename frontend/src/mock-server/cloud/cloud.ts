import type { CommandRequest } from "../../api/backend";
import {
  type Approval,
  type Command,
  CREATING,
  DONE,
  type Instance,
  type InstanceChanged,
  type InstanceList,
  type InstancePatch,
  type NewAdoption,
  type NewInstance,
  type Operation,
  SIMULATED,
} from "../../contract/generated";
import { defaultName, newServer, settled, withLabels } from "./facts";
import { CloudFeed } from "./feed";
import { MockProviders } from "./provider";
import { CloudRecords } from "./records";
import { refuse, requireConnected, requireValid, succeeded } from "./rules";

/** How long a step of a real provider takes. */
const WORK_MS = 700;
const APPROVAL_MS = 15 * 60_000;
const NO_VOTES: Approval = { need: 1, role: "operator", approvedBy: [], authors: [], voters: [] };
const WORK_PERCENTS = [20, 55, 90];

/** The cloud service as a client sees it. */
export class MockCloud {
  readonly feed: CloudFeed;
  readonly records: CloudRecords;
  readonly providers = new MockProviders();
  /** How far the server's clock is ahead of the device's. */
  clockAheadMs = 0;
  /** Why the next operations fail; undefined if they succeed. */
  failure: string | undefined;
  /** Whether the next commands must be approved. */
  needsApproval = false;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private ids = 0;

  constructor(
    private readonly delayMs: number,
    defer: (action: () => void) => void,
    private readonly newId: () => string = () => `i${++this.ids}`,
  ) {
    this.feed = new CloudFeed(defer);
    this.records = new CloudRecords(this.feed);
  }

  list(): InstanceList {
    return { ...this.feed.position(), instances: [...this.records.instances.values()] };
  }

  /** The server's time. */
  now(): Date {
    return new Date(Date.now() + this.clockAheadMs);
  }

  command({ command, instanceId, creation, key }: CommandRequest, actor: string, at = this.now()): Operation {
    const earlier = this.records.earlier(key);
    if (earlier) return earlier;
    const instance = instanceId === undefined ? this.build(creation, at) : this.records.instance(instanceId);
    if (instanceId !== undefined) requireValid(command, instance, this.providers.get(instance.provider));
    return this.accept(command, instance, actor, key, { at, start: creation?.start ?? false });
  }

  /** Take in what a provider runs already. */
  adopt({ provider, resource, name, labels = {} }: NewAdoption, key: string, actor: string): Operation {
    const earlier = this.records.earlier(key);
    if (earlier) return earlier;
    if (name !== undefined) this.records.requireFree(name);
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
    const { records } = this;
    const { id, name: before } = records.instance(reference);
    if (name !== undefined && name !== before) records.requireFree(name);
    const operations: Operation[] = [];
    const apply = (command: Command, part: Partial<Instance>) => {
      const at = this.now().toISOString();
      const operation: Operation = {
        ...{ id: records.nextOperationId(), command, instanceId: id, status: "done" as const },
        ...{ actor, acceptedAt: at, dueAt: at },
      };
      records.operations.set(operation.id, operation);
      records.instances.set(id, { ...records.instance(id), ...part });
      records.append(DONE[command], operation, this.now());
      operations.push(operation);
    };
    if (name !== undefined) apply("rename", { name });
    if (labels) apply("label", { labels: withLabels(records.instance(id).labels, labels) });
    if (isProtected !== undefined) apply(isProtected ? "protect" : "unprotect", { protected: isProtected });
    return { operations, instance: records.instance(id) };
  }

  /** What happens to a server outside the portal. */
  outside(reference: string, part: Partial<Instance>): void {
    const before = this.records.instance(reference);
    const at = this.now();
    const timestamp = part.state && part.state !== before.state ? { timestamp: at.toISOString() } : {};
    const instance = { ...before, ...timestamp, ...part };
    this.records.instances.set(before.id, instance);
    this.feed.publish({
      ...{ type: part.condition === "lost" ? "lost" : "observed", instanceId: before.id },
      ...{ state: instance.state, actor: "outside", timestamp: at.toISOString() },
      ...{ instance, ...(part.reason ? { reason: part.reason } : {}) },
    });
  }

  cancel(operationId: string, actor: string): Operation {
    const operation = this.records.operation(operationId);
    const instance = this.records.instances.get(operation.instanceId);
    const isOpen = operation.status === "pending" || operation.status === "awaiting_approval";
    if (!isOpen || instance?.pending?.progress)
      throw refuse("operation_finished", "The operation is finished.");
    clearTimeout(this.timers.get(operationId));
    return this.giveUp(operation, "cancelled", actor);
  }

  /** Approve or deny a command that awaits it. */
  decide(operationId: string, decision: "approve" | "deny", actor: string): Operation {
    const { records } = this;
    const operation = records.operation(operationId);
    const instance = records.instances.get(operation.instanceId);
    const waiting = instance?.pending;
    if (operation.status !== "awaiting_approval" || !instance || !waiting?.approval)
      throw refuse("not_awaiting", "The operation does not await approval.");
    if (operation.actor === actor) throw refuse("forbidden", "Its author can't decide about it.");
    if (decision === "deny") return this.giveUp(operation, "denied", actor);
    const at = this.now();
    records.append("approved", operation, at, { actor });
    const { approval: _approval, ...pending } = waiting;
    const dueAt = new Date(at.getTime() + this.delayMs).toISOString();
    const approved: Operation = { ...operation, status: "pending", dueAt };
    records.operations.set(operationId, approved);
    records.instances.set(instance.id, { ...instance, pending: { ...pending, dueAt } });
    records.append("received", approved, at);
    this.later(approved, this.delayMs, () => this.work(approved, WORK_PERCENTS));
    return approved;
  }

  /** Replace all servers by none, like a portal that is set up again; streams are cut. */
  renew(): void {
    this.records.clear();
    this.feed.renew();
  }

  private build(creation: NewInstance | undefined, at: Date): Instance {
    const { name, template, labels = {} } = creation ?? {};
    if (name !== undefined) this.records.requireFree(name);
    const chosen = template === undefined ? undefined : this.providers.template(template);
    if (template !== undefined && !chosen)
      throw refuse("template_unknown", `There is no template ${template}.`, "template");
    const provider = chosen?.provider ?? SIMULATED;
    requireConnected(provider, this.providers.get(provider));
    const id = this.newId();
    return newServer(id, name ?? defaultName(id), at, {
      ...{ provider, labels },
      ...(chosen && provider !== SIMULATED ? { template: chosen.template } : {}),
    });
  }

  /** Begin a command, or let it await approval. */
  private accept(
    command: Command,
    instance: Instance,
    actor: string,
    key: string,
    { at, start }: { readonly at: Date; readonly start: boolean },
  ): Operation {
    const { needsApproval } = this;
    const waitMs = needsApproval ? APPROVAL_MS : this.delayMs;
    const operation: Operation = {
      ...{ id: this.records.nextOperationId(), command, instanceId: instance.id, actor },
      ...{ acceptedAt: at.toISOString(), dueAt: new Date(at.getTime() + waitMs).toISOString() },
      ...(needsApproval
        ? { status: "awaiting_approval" as const, approval: NO_VOTES }
        : { status: "pending" as const }),
    };
    this.records.begin(operation, instance, key, start);
    this.records.append(needsApproval ? "requested" : "received", operation, at);
    if (needsApproval) return operation;
    const left = at.getTime() + waitMs - this.now().getTime();
    if (left <= 0) this.finish(operation, new Date(operation.dueAt));
    else this.later(operation, left, () => this.work(operation, WORK_PERCENTS));
    return operation;
  }

  private later(operation: Operation, ms: number, action: () => void): void {
    this.timers.set(operation.id, setTimeout(action, ms));
  }

  /** A real provider needs time, and reports how far it is; the simulated one is done at once. */
  private work(operation: Operation, [percent, ...rest]: readonly number[]): void {
    const instance = this.records.instances.get(operation.instanceId);
    const isReal = instance !== undefined && instance.provider !== SIMULATED;
    if (!isReal || !instance.pending || percent === undefined) return this.finish(operation, this.now());
    const pending = { ...instance.pending, progress: { percent } };
    this.records.instances.set(instance.id, { ...instance, pending });
    this.records.append("working", operation, this.now());
    this.later(operation, WORK_MS, () => this.work(operation, rest));
  }

  private finish(operation: Operation, at: Date): void {
    const { records, failure: reason } = this;
    const { command } = operation;
    const instance = records.instances.get(operation.instanceId);
    records.operations.set(operation.id, { ...operation, status: reason === undefined ? "done" : "failed" });
    if (!instance) return;
    if (reason !== undefined) {
      if (CREATING.includes(command)) records.instances.delete(instance.id);
      else records.instances.set(instance.id, { ...settled(instance), condition: "failed", reason });
      return records.append("failed", operation, at, { reason });
    }
    const done = succeeded(command, instance, at);
    if (done) records.instances.set(instance.id, done);
    else records.instances.delete(instance.id);
    records.append(DONE[command], operation, at);
  }

  /** End an operation that has not begun: the server is as before, or was never created. */
  private giveUp(operation: Operation, status: "cancelled" | "denied", actor: string): Operation {
    const { operations, instances } = this.records;
    const instance = instances.get(operation.instanceId);
    const ended: Operation = { ...operation, status };
    operations.set(operation.id, ended);
    if (CREATING.includes(operation.command) || !instance) instances.delete(operation.instanceId);
    else instances.set(instance.id, settled(instance));
    this.records.append(status, ended, this.now(), { actor });
    return ended;
  }
}
