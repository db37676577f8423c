import { useMemo } from "preact/hooks";
import type { Backend } from "../../../api/backend";
import { ApiError } from "../../../api/errors";
import {
  BATCH_MAX,
  type BatchCommand,
  type InstancePatch,
  type NewAdoption,
  type NewInstance,
  type Operation,
} from "../../../contract/generated";
import { type CommandSender, NEW_INSTANCE } from "../../../session/command-sender";
import { useApp } from "../../app-context";

type BatchedCommand = BatchCommand["command"];

/** What a user can do to servers besides single commands. */
export class ServerActions {
  constructor(
    private readonly backend: Backend,
    private readonly sender: CommandSender,
  ) {}

  /** Command several servers. Each refusal becomes a line of the Worklog. */
  async runMany(command: BatchedCommand, ids: readonly string[]): Promise<void> {
    const free = ids.filter(id => !this.sender.busy.peek().has(id));
    for (let from = 0; from < free.length; from += BATCH_MAX)
      await this.runBatch(command, free.slice(from, from + BATCH_MAX));
  }

  private async runBatch(command: BatchedCommand, ids: readonly string[]): Promise<void> {
    try {
      await this.sender.perform(ids, command, async (key, token) => {
        const api = await this.backend.servers();
        const results = await api.batch({ command, ids: [...ids] }, key, token);
        for (const { id, problem } of results)
          if (problem) this.sender.logRefusal(command, id, new ApiError(problem));
        return results.flatMap(({ operation }): Operation[] => (operation ? [operation] : []));
      });
    } catch (error) {
      for (const id of ids) this.sender.logRefusal(command, id, error);
    }
  }

  /** Create a server. Throws what the backend throws. */
  create(creation: NewInstance): Promise<void> {
    return this.sender.perform([NEW_INSTANCE], "create", async (key, token) => [
      await this.backend.command({ command: "create", creation, key, ...(token ? { token } : {}) }),
    ]);
  }

  /** Take in what a provider runs. Throws what the backend throws. */
  adopt(adoption: NewAdoption): Promise<void> {
    return this.sender.perform([NEW_INSTANCE], "adopt", async (key, token) => [
      await (await this.backend.servers()).adopt(adoption, key, token),
    ]);
  }

  /** Change the name, labels or protection of a server. Throws what the backend throws. */
  change(id: string, patch: InstancePatch): Promise<void> {
    return this.sender.perform([id], "label", async (key, token) => {
      await (await this.backend.servers()).change(id, patch, key, token);
      return [];
    });
  }

  /** Protect a server, or no longer; a refusal becomes a line of the Worklog. */
  async protect(id: string, isProtected: boolean): Promise<void> {
    try {
      await this.change(id, { protected: isProtected });
    } catch (error) {
      this.sender.logRefusal(isProtected ? "protect" : "unprotect", id, error);
    }
  }
}

export function useServerActions(): ServerActions {
  const { backend, store } = useApp();
  return useMemo(() => new ServerActions(backend, store.commandSender), [backend, store]);
}
