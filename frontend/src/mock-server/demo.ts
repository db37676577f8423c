import type { Backend } from "../api/backend";
import type { LifecycleCommand, NewInstance, User } from "../contract/generated";
import type { Language } from "../i18n/language";
import { ROOM } from "../state/chat/model";
import { isCommand } from "../text/escaped";
import { createMockBackend, type MockBackend } from "./backend";
import { DOCKER } from "./cloud/provider";
import { cardOf } from "./commands";
import { type DemoTexts, en } from "./demo.en";
import { ru } from "./demo.ru";

const MINUTE = 60_000;

const uuid = (): string => {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte =>
    byte.toString(16).padStart(2, "0"),
  );
  const part = (from: number, to: number) => hex.slice(from, to).join("");
  return [part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16)].join("-");
};

/** Who posts the demo's alert. */
const ALERTS_BOT = { id: "bot-hook-demo", name: "alertmanager" };

function addDemoContent({ chat, cloud }: MockBackend, texts: DemoTexts): readonly User[] {
  const { names, messages, alert } = texts;
  const people = names.map(name => chat.enter(name));
  const [first, second, third] = names;
  const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE);
  for (const { by, text, minutes } of messages) {
    const user = people[by];
    if (user) chat.say(user, text, undefined, ago(minutes));
  }
  cloud.providers.add(DOCKER, [
    { resource: "c0ffee12", name: "grafana", description: "grafana/grafana:12", state: "running" },
    { resource: "ba5eba11", name: "old-registry", description: "registry:2", state: "stopped" },
  ]);
  const make = (creation: Partial<NewInstance>, actor: string, minutes: number) =>
    cloud.command(
      { command: "create", key: uuid(), creation: { start: false, ...creation } },
      actor,
      ago(minutes),
    ).instanceId;
  const act = (command: LifecycleCommand, instanceId: string, actor: string, minutes: number) =>
    cloud.command({ command, instanceId, key: uuid() }, actor, ago(minutes));
  const web = { template: "docker/web-small", labels: { env: "prod", role: "web" }, start: true };
  make({ ...web, name: "web-1" }, first, 150);
  const slow = make({ ...web, name: "web-2" }, first, 149);
  const nightly = make({ name: "nightly", template: "docker/worker", labels: { ci: "" } }, second, 148);
  const old = make({ name: "old-build", start: true }, second, 147);
  const cache = make({ name: "cache-1", template: "docker/worker", labels: { env: "test" } }, third, 146);
  make({ name: "sandbox" }, third, 144);
  act("stop", old, third, 91);
  cloud.failure = "no such image";
  act("start", nightly, second, 12);
  cloud.failure = undefined;
  cloud.outside(cache, { condition: "lost" });
  const about = { kind: "alert", status: "firing", severity: "warning" } as const;
  const card = cardOf({ ...about, ...alert, source: ALERTS_BOT.name, instances: [slow] }, ago(1));
  chat.postCard(ALERTS_BOT, card, { room: ROOM }, ago(1));
  return people;
}

/** Reply to the visitor's messages, so that a single visitor sees a conversation. */
function autoReply({ chat }: MockBackend, people: readonly User[], texts: () => DemoTexts): void {
  let seen = chat.messages.length;
  let turn = 0;
  setInterval(() => {
    const newMessages = chat.messages.slice(seen);
    seen = chat.messages.length;
    const hasQuestion = newMessages.some(
      ({ user, text }) =>
        !user.id.startsWith("bot-") && !isCommand(text) && !people.some(one => one.id === user.id),
    );
    const speaker = people[turn % people.length];
    const { replies } = texts();
    const reply = replies[turn % replies.length];
    if (!hasQuestion || !speaker || !reply) return;
    turn += 1;
    chat.type(speaker);
    setTimeout(() => chat.say(speaker, reply), 2_500);
  }, 1_000);
}

/** Create a mock server with demo content. Its people reply in `language`. */
export function createDemoBackend(language: () => Language): Backend {
  const texts = () => (language() === "ru" ? ru : en);
  const backend = createMockBackend({ delayMs: 10_000, latencyMs: 80, newId: uuid });
  autoReply(backend, addDemoContent(backend, texts()), texts);
  return backend;
}
