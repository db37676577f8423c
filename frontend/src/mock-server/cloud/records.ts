import type { CloudEvent, EventType, Instance, Operation } from "../../contract/generated";
import type { CloudFeed } from "./feed";
import { refuse } from "./rules";

/** The servers and operations of the cloud service, and the event of each change. */
export class CloudRecords {
  /** Whether events contain the instance that they leave; those of older servers don't. */
  carriesInstance = true;
  readonly instances = new Map<string, Instance>();
  readonly operations = new Map<string, Operation>();
  /** The operation of each idempotency key. */
  private readonly byKey = new Map<string, string>();

  constructor(private readonly feed: CloudFeed) {}

  /** The server with an id or a name. Throws what the server would answer if there is none. */
  instance(reference: string): Instance {
    const found =
      this.instances.get(reference) ?? [...this.instances.values()].find(one => one.name === reference);
    if (!found) throw refuse("instance_not_found", "There is no such instance.");
    return found;
  }

  requireFree(name: string): void {
    const isTaken = [...this.instances.values()].some(one => one.name === name || one.id === name);
    if (isTaken) throw refuse("name_taken", `${name} is the name of another server.`, "name");
  }

  operation(id: string): Operation {
    const found = this.operations.get(id);
    if (!found) throw refuse("operation_not_found", "There is no such operation.");
    return found;
  }

  nextOperationId(): string {
    return `o${this.operations.size + 1}`;
  }

  /** The operation that an earlier request with `key` began. */
  earlier(key: string): Operation | undefined {
    return this.operations.get(this.byKey.get(key) ?? "");
  }

  /** Add an operation, which is pending at its server. */
  begin(operation: Operation, instance: Instance, key: string, start: boolean): void {
    const { status: _status, instanceId: _id, ...pending } = operation;
    this.byKey.set(key, operation.id);
    this.operations.set(operation.id, operation);
    this.instances.set(instance.id, { ...instance, pending: { ...pending, ...(start ? { start } : {}) } });
  }

  /** Publish the outcome of an operation. */
  append(
    type: EventType,
    { id, instanceId, command, actor, dueAt }: Operation,
    at: Date,
    details: Partial<Pick<CloudEvent, "reason" | "actor">> = {},
  ): void {
    const instance = this.instances.get(instanceId);
    const progress = type === "working" ? instance?.pending?.progress : undefined;
    this.feed.publish({
      ...{ type, instanceId, operationId: id, command },
      ...{ state: instance?.state ?? "stopped", actor, timestamp: at.toISOString() },
      ...(type === "received" ? { dueAt } : {}),
      ...(progress ? { progress } : {}),
      ...(instance && this.carriesInstance ? { instance } : {}),
      ...details,
    });
  }

  clear(): void {
    this.instances.clear();
    this.operations.clear();
    this.byKey.clear();
  }
}
