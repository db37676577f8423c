import { expect, it } from "vitest";
import { en } from "./en";
import { ru } from "./ru";

it.each([
  [1, "1 новое сообщение", "1 new message"],
  [3, "3 новых сообщения", "3 new messages"],
  [11, "11 новых сообщений", "11 new messages"],
  [21, "21 новое сообщение", "21 new messages"],
])("counts %d in both languages", (n, russian, english) => {
  expect(ru.chat.fresh(n)).toBe(russian);
  expect(en.chat.fresh(n)).toBe(english);
});

it("falls back to the server's text for an unknown error", () => {
  expect(en.error("internal", "It broke.")).toBe("It broke.");
  expect(ru.error("name_taken")).toBe("Этот псевдоним уже занят.");
});
