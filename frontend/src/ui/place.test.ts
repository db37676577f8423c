import { expect, it, vi } from "vitest";

vi.stubGlobal("location", { hash: "" });
const { hrefs, messageIn, parsePlace } = await import("./place");

it.each([
  ["", { view: "chat", pane: "room", id: "general", query: "" }],
  ["#/chat", { view: "chat", pane: "room", id: "general", query: "" }],
  ["#/rooms", { view: "chat", pane: "list", query: "" }],
  ["#/rooms/deploys/1234", { view: "chat", pane: "room", id: "deploys", query: "" }],
  ["#/rooms/deploys?thread=m1", { view: "chat", pane: "thread", id: "deploys", query: "thread=m1" }],
  ["#/threads", { view: "chat", pane: "threads", query: "" }],
  ["#/people", { view: "people", query: "" }],
  ["#/people/ann", { view: "chat", pane: "person", id: "ann", query: "" }],
  ["#/cloud", { view: "cloud", query: "" }],
  ["#/servers", { view: "cloud", query: "" }],
  ["#/activity?who=ann&what=stop", { view: "activity", query: "who=ann&what=stop" }],
  ["#/status", { view: "status", query: "" }],
  ["#/nowhere/else", { view: "chat", pane: "room", id: "general", query: "" }],
  ["#/servers/%E0%A4%A", { view: "cloud", id: "%E0%A4%A", query: "" }],
])("%s is a place", (hash, expected) => expect(parsePlace(hash)).toEqual(expected));

it.each(["web-1", "a/b", "100 %", "Аня?", "#x"])("the address of %s leads to it", name => {
  expect(parsePlace(hrefs.server(name)).id).toBe(name);
  expect(parsePlace(hrefs.person(name)).id).toBe(name);
  expect(parsePlace(hrefs.room(name)).id).toBe(name);
});

it("an address of the activity has only the filters that are set", () => {
  expect(hrefs.activity()).toBe("#/activity");
  expect(hrefs.activity({ who: "", what: "" })).toBe("#/activity");
  const { query } = parsePlace(hrefs.activity({ who: "ann & bob", what: "", when: "today" }));
  expect([...new URLSearchParams(query)]).toEqual([
    ["who", "ann & bob"],
    ["when", "today"],
  ]);
});

it("knows the message that an address leads to", () => {
  expect(messageIn(parsePlace(hrefs.message("general", 42)))).toBe(42);
  for (const hash of [
    "#/rooms/general",
    "#/rooms/general?message=x",
    "#/rooms/general?details",
    "#/activity?message=1",
  ])
    expect(messageIn(parsePlace(hash))).toBeUndefined();
});
