import { ApiError } from "../api/errors";
import type { Card, Instance, Message, Operation } from "../contract/generated";
import type { Said, Targets } from "../text/grammar";
import type { MockChat } from "./chat/chat";
import type { MockCloud } from "./cloud/cloud";

/** Who answers commands. */
const BOT = { id: "bot-opsroom", name: "opsroom" };

type CommandOf<Is extends Said["is"]> = Extract<Said, { readonly is: Is }>;

/** A card without what every card has. */
type Draft = Pick<Card, "kind" | "status" | "title"> & Partial<Card>;

export const cardOf = (draft: Draft, at = new Date()): Card => ({
  ...{ source: "opsroom", text: "", fields: [], actions: [], generation: 0, changedAt: at.toISOString() },
  ...draft,
});

/** What executes the commands of the chat, as the service of incidents does. */
export class MockCommands {
  constructor(
    private readonly chat: MockChat,
    private readonly cloud: MockCloud,
  ) {}

  answer = (message: Message, said: Said): void => {
    try {
      this.execute(message, said);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.say(message, error.problem.detail);
    }
  };

  private execute(message: Message, said: Said): void {
    switch (said.is) {
      case "ListServers":
        return this.list(message, said.targets);
      case "CreateServer":
        return this.create(message, said);
      case "ChangeServers":
        return this.change(message, said);
      case "Undo":
        return this.undo(message, said.targets);
      case "Approve":
        return this.decide(message, "approve", said.target);
      case "Deny":
        return this.decide(message, "deny", said.target);
      default:
        // The rest is not part of the demo.
        return this.say(message, "This command is not available here.");
    }
  }

  private servers({ names, selector }: Targets): readonly Instance[] {
    if (selector === null) return names.map(name => this.cloud.records.instance(name));
    const wanted = selector.split(",").map(one => one.split("="));
    return this.cloud
      .list()
      .instances.filter(({ labels }) => wanted.every(([key = "", value = ""]) => labels[key] === value));
  }

  private list(message: Message, targets: Targets | null): void {
    const found = targets ? this.servers(targets) : this.cloud.list().instances;
    const title = found.map(one => one.name).join(", ") || "–";
    const instances = found.map(one => one.id).slice(0, 50);
    this.post(message, cardOf({ kind: "servers", status: "info", title, instances }));
  }

  private create(message: Message, { template, name, labels, start }: CommandOf<"CreateServer">): void {
    const creation = {
      ...(template === null ? {} : { template }),
      ...(name === null ? {} : { name }),
      ...{ labels: Object.fromEntries(labels), start },
    };
    const key = message.id;
    this.post(
      message,
      this.operationCard(this.cloud.command({ command: "create", creation, key }, message.user.name)),
    );
  }

  private change(message: Message, { command, targets }: CommandOf<"ChangeServers">): void {
    for (const { id } of this.servers(targets)) {
      const request = { command, instanceId: id, key: `${message.id}:${id}` };
      this.post(message, this.operationCard(this.cloud.command(request, message.user.name)));
    }
  }

  private undo(message: Message, targets: Targets | null): void {
    const found = targets ? this.servers(targets) : this.cloud.list().instances;
    for (const { pending } of found) if (pending) this.cloud.cancel(pending.id, message.user.name);
  }

  private decide(message: Message, decision: "approve" | "deny", target: string): void {
    const known = this.cloud
      .list()
      .instances.find(one => [one.name, one.id, one.pending?.id].includes(target));
    this.cloud.decide(known?.pending?.id ?? target, decision, message.user.name);
    this.say(message, decision === "approve" ? "Approved." : "Denied.");
  }

  private operationCard({ id, command, instanceId }: Operation): Card {
    const { name } = this.cloud.records.instance(instanceId);
    const title = `${command} ${name}`;
    const about = { operation: id, instances: [instanceId] };
    return cardOf({ kind: "operation", status: "running", title, ...about });
  }

  private post({ room, thread }: Message, card: Card): void {
    this.chat.postCard(BOT, card, { room, ...(thread === undefined ? {} : { thread }) });
  }

  private say({ room, thread }: Message, text: string): void {
    this.chat.reply(BOT, text, { room, ...(thread === undefined ? {} : { thread }) });
  }
}
