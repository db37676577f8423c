// @vitest-environment happy-dom
import { render } from "preact";
import { expect, it } from "vitest";
import { formatMessageTime } from "../text/format";
import { Time } from "./time";

const timeOf = (at: string | number): Element | null => {
  const root = document.createElement("p");
  render(<Time at={at} format={formatMessageTime} />, root);
  return root.querySelector("time");
};

it("has the full date and the offset in its title", () => {
  expect(timeOf("2026-11-01T05:30:00Z")?.getAttribute("datetime")).toBe("2026-11-01T05:30:00.000Z");
  expect(timeOf("2026-11-01T05:30:00Z")?.getAttribute("title")).toMatch(/2026 .*UTC[+−]/);
});

it.each([1e20, "soon"])("shows a time that no date has, and lets the page live: %j", at => {
  expect(timeOf(at)?.textContent).toBe(String(at));
  expect(timeOf(at)?.hasAttribute("datetime")).toBe(false);
});
