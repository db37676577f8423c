import type { Backend } from "../api/backend";
import type { Command, User } from "../contract/generated";
import { createMockBackend, type MockBackend } from "./backend";

const MINUTE = 60_000;
const REPLIES = [
  "Nice. Try undo: you have ten seconds 🙂",
  "I keep the dashboard open next to this, the Worklog tells everything.",
  "On it. https://en.wikipedia.org/wiki/Ops is still no article about us 😁",
  "Добро пожаловать! Здесь говорят и по-русски.",
];

const uuid = (): string => {
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(16)), byte =>
    byte.toString(16).padStart(2, "0"),
  );
  const part = (from: number, to: number) => hex.slice(from, to).join("");
  return [part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16)].join("-");
};

function addDemoContent({ chat, cloud }: MockBackend): readonly [User, User, User] {
  const [alexandra, petr, ivan] = [chat.enter("Alexandra"), chat.enter("Petr"), chat.enter("Ivan")];
  const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE);
  chat.say(
    alexandra,
    "I can't sleep, so I moved the nightly build to two small servers.",
    undefined,
    ago(140),
  );
  chat.say(petr, "Good. The old one can go once its disk is copied.", undefined, ago(136));
  chat.say(ivan, "Copied 👍\nI stopped it, somebody please remove it in the morning.", undefined, ago(90));
  chat.say(
    alexandra,
    "Morning! This room is a demo: it lives in your browser, nothing leaves it.",
    undefined,
    ago(2),
  );
  const make = (actor: string, minutes: number) =>
    cloud.command({ command: "create", key: uuid() }, actor, ago(minutes)).instanceId;
  const act = (command: Command, instanceId: string, actor: string, minutes: number) =>
    cloud.command({ command, instanceId, key: uuid() }, actor, ago(minutes));
  const [build, spare, old] = [make("Alexandra", 150), make("Alexandra", 149), make("Petr", 148)];
  act("start", build, "Alexandra", 147);
  act("start", spare, "Petr", 146);
  act("start", old, "Ivan", 145);
  act("stop", old, "Ivan", 91);
  return [alexandra, petr, ivan];
}

/** Reply to the visitor's messages, so that a single visitor sees a conversation. */
function autoReply({ chat }: MockBackend, people: readonly User[]): void {
  let seen = chat.messages.length;
  let turn = 0;
  setInterval(() => {
    const newMessages = chat.messages.slice(seen);
    seen = chat.messages.length;
    const hasQuestion = newMessages.some(message => !people.some(one => one.id === message.user.id));
    const speaker = people[turn % people.length];
    const reply = REPLIES[turn % REPLIES.length];
    if (!hasQuestion || !speaker || !reply) return;
    turn += 1;
    chat.type(speaker);
    setTimeout(() => chat.say(speaker, reply), 2_500);
  }, 1_000);
}

/** Create a mock server with demo content. */
export function createDemoBackend(): Backend {
  const backend = createMockBackend({ delayMs: 10_000, latencyMs: 80, newId: uuid });
  autoReply(backend, addDemoContent(backend));
  return backend;
}
