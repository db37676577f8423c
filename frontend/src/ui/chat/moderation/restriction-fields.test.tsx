// @vitest-environment happy-dom
import { render } from "preact";
import { expect, it } from "vitest";
import { ProblemLine, ReasonField, toRestrictionDetails } from "./restriction-fields";

it("sends a reason as well-formed text, without blanks around it", () => {
  expect(toRestrictionDetails({ seconds: 0, reason: " cut \ud83d emoji " })).toEqual({
    reason: "cut \ufffd emoji",
  });
  expect(toRestrictionDetails({ seconds: 60, reason: "whole 😀" })).toEqual({
    seconds: 60,
    reason: "whole 😀",
  });
  expect(toRestrictionDetails({ seconds: 0, reason: " \u200b" })).toEqual({});
});

it("has the direction of what is typed", () => {
  const root = document.createElement("div");
  render(<ReasonField value="שלום!" onChange={() => undefined} label="Reason" />, root);
  expect(root.querySelector("input")?.dir).toBe("auto");
});

it.each([
  ["reason", "The reason has characters that can't be shown."],
  ["address", "Enter an IP address that isn't your own."],
  ["seconds", "Opsroom rejected the request."],
])("says which field the server rejects: %s", (field, text) => {
  const root = document.createElement("div");
  render(<ProblemLine problem={{ code: "invalid_request", detail: "", field }} />, root);
  expect(root.textContent).toBe(text);
});
