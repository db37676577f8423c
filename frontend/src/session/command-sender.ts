import { signal } from "@preact/signals";
import type { Backend, CommandRequest } from "../api/backend";
import { ApiError, isTransient, retryDelay } from "../api/errors";
import type { Command, LifecycleCommand, NewInstance, Operation } from "../contract/generated";
import type { CloudState, WorklogLine } from "../state/cloud/model";
import { newId } from "./ids";

/** The target of a `create` command; no instance has this id. */
export const NEW_INSTANCE = "new";
const MAX_ATTEMPTS = 4;
const RETRY_DELAY_MS = 500;
/** How long to wait for the event of an accepted command; it comes later only if the stream is down. */
const EVENT_TIMEOUT_MS = 3_000;

interface CommandSenderOptions {
  readonly backend: Backend;
  readonly token: () => string | undefined;
  readonly state: () => CloudState;
  /** The server's clock minus this device's, in milliseconds. */
  readonly clockOffset: () => number;
  readonly logRefusal: (line: WorklogLine) => void;
}

/** Sends the user's commands with retries; an idempotency key ensures that each takes effect once. */
export class CommandSender {
  /** Commands without an event yet: from the instance id, or `NEW_INSTANCE`, to the command. */
  readonly busy = signal<ReadonlyMap<string, Command | "undo">>(new Map());

  constructor(private readonly options: CommandSenderOptions) {}

  /** Give a command. A refusal becomes a line of the Worklog. `creation`: what to create. */
  async run(command: LifecycleCommand, instanceId?: string, creation?: NewInstance): Promise<void> {
    const target = instanceId ?? NEW_INSTANCE;
    try {
      await this.perform([target], command, async (key, token) => {
        const request: CommandRequest = {
          ...{ command, key },
          ...(instanceId ? { instanceId } : {}),
          ...(creation ? { creation } : {}),
          ...(token ? { token } : {}),
        };
        return [await this.options.backend.command(request)];
      });
    } catch (error) {
      this.logRefusal(command, instanceId, error);
    }
  }

  /**
   * Send one request for `targets`, with retries, and wait for the events of the operations that it returns. Does
   * nothing if one of the targets is busy. Throws what `send` throws.
   */
  async perform(
    targets: readonly string[],
    command: Command,
    send: (key: string, token: string | undefined) => Promise<readonly Operation[]>,
  ): Promise<void> {
    if (targets.some(target => this.busy.value.has(target))) return;
    this.setBusy(targets, command);
    try {
      // Another user may sign in between the attempts.
      const [key, token] = [newId(), this.options.token()];
      const operations = await withRetries(() => send(key, token));
      await Promise.all(operations.map(operation => this.waitForEvent(operation)));
    } finally {
      this.setBusy(targets, undefined);
    }
  }

  async undo(instanceId: string, operationId: string, command: Command): Promise<void> {
    if (this.busy.value.has(instanceId)) return;
    this.setBusy([instanceId], "undo");
    // Another user may sign in between the attempts.
    const token = this.options.token();
    try {
      await withRetries(() => this.options.backend.cancel(operationId, token));
    } catch (error) {
      this.logRefusal(command, instanceId, error, true);
    } finally {
      this.setBusy([instanceId], undefined);
    }
  }

  /** Approve or deny a command that awaits approval. A refusal becomes a line of the Worklog. */
  async decide(
    instanceId: string,
    operationId: string,
    command: Command,
    decision: "approve" | "deny",
  ): Promise<void> {
    try {
      await this.perform([instanceId], command, async (_key, token) => {
        const api = await this.options.backend.servers();
        return [await api.decide(operationId, decision, token)];
      });
    } catch (error) {
      this.logRefusal(command, instanceId, error);
    }
  }

  /** Wait for the event of an accepted command: without it, the buttons would be enabled for a moment. */
  private async waitForEvent({ id, instanceId, dueAt, status }: Operation): Promise<void> {
    if (status !== "pending" && status !== "awaiting_approval") return;
    const deadline = performance.now() + EVENT_TIMEOUT_MS;
    const isVisible = () =>
      this.options.state().instances.get(instanceId)?.pending?.id === id ||
      Date.now() + this.options.clockOffset() >= Date.parse(dueAt);
    while (!isVisible() && performance.now() < deadline) await sleep(30);
  }

  /** Add the refusal of a command to the Worklog. */
  logRefusal(command: Command, instanceId: string | undefined, error: unknown, undo = false): void {
    const refused = error instanceof ApiError ? error : undefined;
    const name = instanceId && this.options.state().instances.get(instanceId)?.name;
    const line: WorklogLine = {
      key: `r${newId()}`,
      kind: "refused",
      command,
      timestamp: new Date(Date.now() + this.options.clockOffset()).toISOString(),
      code: refused?.code ?? "unreachable",
      ...(instanceId ? { instanceId } : {}),
      ...(name ? { name } : {}),
      ...(refused ? { detail: refused.problem.detail } : {}),
      ...(undo ? { undo } : {}),
    };
    this.options.logRefusal(line);
  }

  private setBusy(targets: readonly string[], command: Command | "undo" | undefined): void {
    const busy = new Map(this.busy.value);
    for (const target of targets) {
      if (command) busy.set(target, command);
      else busy.delete(target);
    }
    this.busy.value = busy;
  }
}

const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

async function withRetries<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      if (attempt >= MAX_ATTEMPTS || !isTransient(error)) throw error;
      const retryAfter = error instanceof ApiError ? error.problem.retryAfter : undefined;
      await sleep(retryDelay(retryAfter, RETRY_DELAY_MS * attempt) * (1 + Math.random() / 2));
    }
  }
}
