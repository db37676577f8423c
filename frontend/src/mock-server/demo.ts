import type { Backend } from "../api/backend";
import type { Command, User } from "../contract/generated";
import type { Language } from "../i18n/language";
import { createMockBackend, type MockBackend } from "./backend";
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

function addDemoContent({ chat, cloud }: MockBackend, { names, messages }: DemoTexts): readonly User[] {
  const people = names.map(name => chat.enter(name));
  const [first, second, third] = names;
  const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE);
  for (const { by, text, minutes } of messages) {
    const user = people[by];
    if (user) chat.say(user, text, undefined, ago(minutes));
  }
  const make = (actor: string, minutes: number) =>
    cloud.command({ command: "create", key: uuid() }, actor, ago(minutes)).instanceId;
  const act = (command: Command, instanceId: string, actor: string, minutes: number) =>
    cloud.command({ command, instanceId, key: uuid() }, actor, ago(minutes));
  const [build, spare, old] = [make(first, 150), make(first, 149), make(second, 148)];
  act("start", build, first, 147);
  act("start", spare, second, 146);
  act("start", old, third, 145);
  act("stop", old, third, 91);
  return people;
}

/** Reply to the visitor's messages, so that a single visitor sees a conversation. */
function autoReply({ chat }: MockBackend, people: readonly User[], texts: () => DemoTexts): void {
  let seen = chat.messages.length;
  let turn = 0;
  setInterval(() => {
    const newMessages = chat.messages.slice(seen);
    seen = chat.messages.length;
    const hasQuestion = newMessages.some(message => !people.some(one => one.id === message.user.id));
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
