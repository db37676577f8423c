import { signal } from "@preact/signals";
import type { Backend, CommandRequest } from "../api/backend";
import { isTransient, pauseAfter, RefusedError } from "../api/errors";
import type { Command, Operation } from "../contract/generated";
import type { CloudState, CloudStateEvent, WorklogLine } from "../state/cloud/model";
import { newId } from "./ids";

/** The target of a create: no instance has this id. */
export const NEW = "new";
const TRIES = 4;
const PAUSE_MS = 500;
/** By then the stream has told of an accepted command, unless it is down. */
const TOLD_WITHIN_MS = 3_000;

interface CommanderOptions {
  readonly backend: Backend;
  readonly token: () => string | undefined;
  readonly state: () => CloudState;
  readonly publish: (event: CloudStateEvent) => void;
}

/** Turns a person's intentions into commands: each goes out once, however often it has to be sent. */
export class Commander {
  /** What is asked and not yet told by the stream: instance id, or `NEW`, to command. */
  readonly busy = signal<ReadonlyMap<string, Command | "undo">>(new Map());
  /** How far the server's clock is ahead of ours, in milliseconds; for countdowns. */
  readonly clockAhead = signal(0);

  constructor(private readonly options: CommanderOptions) {}

  async run(command: Command, instanceId?: string): Promise<void> {
    const target = instanceId ?? NEW;
    if (this.busy.value.has(target)) return;
    this.setBusy(target, command);
    try {
      const token = this.options.token();
      const request: CommandRequest = {
        command,
        key: newId(),
        ...(instanceId ? { instanceId } : {}),
        ...(token ? { token } : {}),
      };
      const operation = await retried(() => this.options.backend.command(request));
      this.learnClock(operation);
      await this.told(operation);
    } catch (error) {
      this.report(command, instanceId, error);
    } finally {
      this.setBusy(target, undefined);
    }
  }

  async undo(instanceId: string, operationId: string, command: Command): Promise<void> {
    if (this.busy.value.has(instanceId)) return;
    this.setBusy(instanceId, "undo");
    try {
      await retried(() => this.options.backend.cancel(operationId, this.options.token()));
    } catch (error) {
      this.report(command, instanceId, error);
    } finally {
      this.setBusy(instanceId, undefined);
    }
  }

  /** Keep the buttons busy until the stream shows what was accepted, or they would flash free between. */
  private async told({ id, instanceId, dueAt }: Operation): Promise<void> {
    const deadline = Date.now() + TOLD_WITHIN_MS;
    const isTold = () =>
      this.options.state().instances.get(instanceId)?.pending?.id === id ||
      Date.now() + this.clockAhead.value >= Date.parse(dueAt);
    while (!isTold() && Date.now() < deadline) await pause(30);
  }

  private learnClock({ acceptedAt }: Operation): void {
    this.clockAhead.value = Date.parse(acceptedAt) - Date.now();
  }

  private report(command: Command, instanceId: string | undefined, error: unknown): void {
    const refused = error instanceof RefusedError ? error : undefined;
    const line: WorklogLine = {
      key: `r${newId()}`,
      kind: "refused",
      command,
      timestamp: new Date(Date.now() + this.clockAhead.value).toISOString(),
      code: refused?.code ?? "unreachable",
      ...(instanceId ? { instanceId } : {}),
      ...(refused ? { detail: refused.problem.detail } : {}),
    };
    this.options.publish({ kind: "refused", line });
  }

  private setBusy(target: string, command: Command | "undo" | undefined): void {
    const busy = new Map(this.busy.value);
    if (command) busy.set(target, command);
    else busy.delete(target);
    this.busy.value = busy;
  }
}

const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms));

async function retried<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await action();
    } catch (error) {
      if (tries >= TRIES || !isTransient(error)) throw error;
      const asked = error instanceof RefusedError ? error.problem.retryAfter : undefined;
      await pause(pauseAfter(asked, PAUSE_MS * tries) * (1 + Math.random() / 2));
    }
  }
}
