import { expect, it } from "vitest";
import type { Action, BotCommand } from "../../contract/generated";
import { en as words } from "../../i18n/commands.en";
import { en } from "../../i18n/en";
import { submit } from "./chat-commands";

const EVERYTHING: readonly Action[] = ["chat", "see_servers", "command_servers", "see_logs"];

const BOTS: readonly BotCommand[] = [
  ...(["operator", "admin"] as const).map(role => ({
    ...{ name: `deploy-${role}`, bot: "ship", help: "Deploy a service", arguments: "SERVICE", role },
  })),
];

function typed(message: string, { may = EVERYTHING, hasFiles = false } = {}) {
  const sent: string[] = [];
  const searched: string[] = [];
  const people = [{ id: "u1", name: "Ann" }];
  const outcome = submit(message, {
    ...{ t: en.chat, words, people, hasFiles, bots: BOTS },
    may: action => may.includes(action),
    send: text => void sent.push(text),
    search: query => void searched.push(query),
    leave: () => {},
  });
  return { sent, searched, ...outcome };
}

it.each(["/who", " /who", "\t/who ", "\n/who", "\u3000/who", "/WHO"])(
  "runs a command of the page whatever blanks are around it, and sends nothing: %j",
  message => {
    const { sent, done, note } = typed(message);
    expect([sent, done]).toEqual([[], true]);
    expect(note).toContain("Ann");
  },
);

it.each([
  [" hello ", "hello"],
  // The portal takes the first slash away.
  [" //who", "//who"],
  ["see /who", "see /who"],
  ["/who\nis there?", "/who\nis there?"],
  [" /restart web-1 ", "/restart web-1"],
  ["/PS", "/PS"],
])("sends %j without the blanks around it", (message, text) => {
  expect(typed(message)).toMatchObject({ sent: [text], done: true });
});

it.each([
  [" /whom", 0, "/\u2068whom\u2069"],
  ["/restart", 8, "label:env=prod"],
  ["/restart we?", 9, "we?"],
  ["/logs web-1 many", 12, "many"],
  ["/logs web-1 5 6", 14, "6"],
  ['/ps "web-1', 4, "quotation mark"],
  ["/ps label:env=a web-1", 16, "both together"],
])("keeps what is no command in the field, and says where and why: %j", (message, position, part) => {
  const { sent, done, note, ...found } = typed(message);
  expect({ sent, done, ...found }).toMatchObject({ sent: [], done: false, position });
  expect(note).toContain(part);
});

it("doesn't send what the role may not do, and doesn't list it", () => {
  const may: readonly Action[] = ["chat", "see_servers"];
  expect(typed("/rm web-1", { may })).toMatchObject({ sent: [], done: false });
  expect(typed("/rm web-1", { may }).note).toContain("/rm");
  expect(typed("/ps", { may }).sent).toEqual(["/ps"]);
  expect(typed("/help", { may }).note).toContain("/ps");
  expect(typed("/help", { may }).note).not.toContain("/rm");
  expect(typed("/help").note).toContain("/rm");
});

it("answers /help and /search itself", () => {
  expect(typed("/help restart")).toMatchObject({ sent: [], done: true });
  expect(typed("/help /restart").note).toContain("/restart web-1");
  expect(typed("/help nothing").note).toContain("nothing");
  expect(typed("/search from:ann late")).toMatchObject({ sent: [], searched: ["from:ann late"], done: true });
});

it("sends no files with a command", () => {
  expect(typed("/ps", { hasFiles: true })).toMatchObject({ sent: [], done: false });
  expect(typed("a report", { hasFiles: true }).sent).toEqual(["a report"]);
});

it("sends a command that a bot offers, if the role may give it, and no files with it", () => {
  expect(typed("/deploy-operator web")).toMatchObject({ sent: ["/deploy-operator web"], done: true });
  expect(typed("/Deploy-Operator web").sent).toEqual(["/Deploy-Operator web"]);
  expect(typed("/deploy-admin web")).toMatchObject({ sent: [], done: false });
  expect(typed("/deploy-operator web", { hasFiles: true })).toMatchObject({ sent: [], done: false });
  expect(typed("/deploy-nobody web")).toMatchObject({ sent: [], done: false, position: 0 });
});

it("lists the commands of bots that the role may give", () => {
  expect(typed("/help").note).toContain(
    "/deploy-operator SERVICE – \u2068Deploy a service\u2069 (\u2068ship\u2069)",
  );
  expect(typed("/help").note).not.toContain("/deploy-admin");
  expect(typed("/help deploy-operator").note).toContain("Deploy a service");
});
