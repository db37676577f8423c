import { expect, it } from "vitest";
import { en } from "../../../i18n/commands.en";
import { findEmoji } from "../../../text/emoji";
import { candidatesFor, type Sources } from "./candidates";

const sources: Sources = {
  names: ["Ann", "Anton", "Mary Lee"],
  groups: { room: "everybody in the room", here: "everybody here" },
  commands: [
    { name: "help", usage: "/help [COMMAND]", summary: "list them" },
    { name: "who", usage: "/who", summary: "who is here" },
  ],
  arguments: { kinds: en.kinds, specs: [], servers: [], templates: [] },
  findEmoji,
};
const inserted = (kind: "mention" | "emoji" | "command", query: string) =>
  candidatesFor({ kind, query, from: 0 }, sources).map(one => one.insert);

it("suggests commands, people and emoji", () => {
  expect(inserted("command", "")).toEqual(["/help ", "/who "]);
  expect(inserted("command", "W")).toEqual(["/who "]);
  expect(inserted("mention", "an")).toEqual(["@Ann ", "@Anton "]);
  expect(inserted("mention", "lee")).toEqual(["@Mary Lee "]);
  expect(inserted("mention", "he")).toEqual(["@here "]);
  expect(inserted("emoji", "tada")).toEqual(["🎉 "]);
  expect(
    candidatesFor({ kind: "emoji", query: "tada", from: 0 }, { ...sources, findEmoji: undefined }),
  ).toEqual([]);
});

it("suggests nothing for what is complete, unless something longer begins so", () => {
  expect(inserted("command", "who")).toEqual([]);
  expect(inserted("mention", "Anton")).toEqual([]);
  expect(inserted("mention", "here")).toEqual([]);
  expect(inserted("command", "x")).toEqual([]);
});
