import { expect, it } from "vitest";
import { en } from "../../i18n/en";
import { submit } from "./chat-commands";

function typed(message: string) {
  const sent: string[] = [];
  const people = [{ id: "u1", name: "Ann" }];
  const outcome = submit(message, {
    t: en.chat,
    people,
    send: text => void sent.push(text),
    leave: () => {},
  });
  return { sent, ...outcome };
}

it.each(["/who", " /who", "\t/who ", "\n/who", "\u3000/who"])(
  "runs a command whatever blanks are around it, and sends nothing: %j",
  message => {
    const { sent, done, note } = typed(message);
    expect([sent, done]).toEqual([[], true]);
    expect(note).toContain("Ann");
  },
);

it.each([
  [" hello ", "hello"],
  [" //who", "/who"],
  ["see /who", "see /who"],
  ["/who\nis there?", "/who\nis there?"],
])("sends %j without the blanks around it", (message, text) => {
  expect(typed(message).sent).toEqual([text]);
});

it("keeps an unknown command in the field, also behind a blank", () => {
  expect(typed(" /whom")).toMatchObject({ sent: [], done: false });
});
