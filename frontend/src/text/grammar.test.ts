import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CHAT_COMMANDS } from "../contract/chat-commands";
import { isCommand } from "./escaped";
import { parse } from "./grammar";

interface SharedCase {
  readonly text: string;
  readonly said: { readonly is: string; readonly position?: number };
}

/** The table that the tests of the portal's grammar write. */
const FILE = new URL("../../../packages/contracts/tests/incidents/cases.json", import.meta.url);
const shared: { readonly custom: readonly string[]; readonly cases: readonly SharedCase[] } = JSON.parse(
  readFileSync(FILE, "utf8"),
);

it.each(shared.cases.map(one => [one.text, one.said] as const))(
  "parses %j as the portal does",
  (text, said) => {
    const found = parse(text, shared.custom);
    // The portal counts code points.
    const position = found.is === "Problem" ? { position: [...text.slice(0, found.position)].length } : {};
    expect({ ...found, ...position }).toEqual(said);
  },
);

it("has a case for every kind of command", () => {
  const kinds = new Set(shared.cases.map(one => one.said.is));
  expect(kinds.size).toBeGreaterThan(8);
  for (const { example } of CHAT_COMMANDS) expect(parse(example).is).not.toBe("Problem");
});

it("finds a place within the text for every problem, and loses no text", () => {
  const pieces = [
    "/",
    "ps",
    "create",
    "as",
    "label:",
    "a=b",
    '"',
    " ",
    "\u3000",
    "web-1",
    "🙂",
    ",",
    "at",
    "x\n",
  ];
  let state = 7;
  const next = (max: number) => {
    state = (state * 48271) % 0x7fffffff;
    return state % max;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const text = Array.from({ length: next(9) }, () => pieces[next(pieces.length)]).join("");
    const said = parse(text);
    if (said.is === "Problem") {
      expect(said.position).toBeGreaterThanOrEqual(0);
      expect(said.position).toBeLessThanOrEqual(text.length);
    }
    if (said.is === "Text") expect([text, text.slice(1)]).toContain(said.text);
    expect(isCommand(text)).toBe(said.is !== "Text");
  }
});
