import { expect, it } from "vitest";
import { parseMessage, type SlashCommand } from "./slash-commands";

const help: SlashCommand<undefined> = { name: "help", run: () => undefined };
const parse = (message: string) => parseMessage(message, [help]);
const text = (value: string) => ({ kind: "text", text: value });

it.each([
  ["hello", text("hello")],
  [" /help", text(" /help")],
  ["a /help", text("a /help")],
  ["//help", text("/help")],
  ["//", text("/")],
  ["/* a comment\n*/", text("/* a comment\n*/")],
  ["// a comment\nx = 1", text("// a comment\nx = 1")],
  ["/help", { kind: "command", command: help, argument: "" }],
  ["/HELP", { kind: "command", command: help, argument: "" }],
  ["/help  me now", { kind: "command", command: help, argument: "me now" }],
  ["/", { kind: "unknown", name: "" }],
  ["/ help", { kind: "unknown", name: "" }],
  ["/usr/bin/env", { kind: "unknown", name: "usr/bin/env" }],
  ["/constructor", { kind: "unknown", name: "constructor" }],
])("%j", (message, parsed) => {
  expect(parse(message)).toEqual(parsed);
});
