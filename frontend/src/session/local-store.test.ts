import { expect, it } from "vitest";
import { fullStorage, memoryStorage } from "../testing/fakes";
import { createLocalStore } from "./local-store";
import { isNumber, isRecord, isText } from "./stored";

it("stores values in the browser", () => {
  const storage = memoryStorage();
  const store = createLocalStore(storage);
  store.set("a.1", { one: 1 });
  store.set("b", 2);
  store.set("a.0", 0);
  expect(createLocalStore(storage).keys("a.")).toEqual(["a.0", "a.1"]);
  expect(createLocalStore(storage).get("a.1", isRecord({ one: isNumber }))).toEqual({ one: 1 });
  store.remove("a.1");
  expect([store.get("a.1", isText), store.keys("")]).toEqual([undefined, ["a.0", "b"]]);
  expect(storage.length).toBe(2);
  expect(store.failed.value).toBe(false);
});

it.each([
  ["full", fullStorage()],
  ["denied", undefined],
  ["null, as in some web views", null],
])("keeps values in memory if the browser's storage is %s, and says so", (_, storage) => {
  const store = createLocalStore(storage);
  expect(store.failed.value).toBe(true);
  store.set("a.1", "one");
  store.set("a.2", "two");
  expect([store.get("a.1", isText), store.keys("a.")]).toEqual(["one", ["a.1", "a.2"]]);
  store.remove("a.1");
  expect([store.get("a.1", isText), store.keys("a.")]).toEqual([undefined, ["a.2"]]);
});

it("hides a value that the browser doesn't remove", () => {
  const store = createLocalStore(fullStorage({ token: "old", other: 1 }));
  expect(store.get("token", isText)).toBe("old");
  store.remove("token");
  expect([store.get("token", isText), store.keys("")]).toEqual([undefined, ["other"]]);
  store.set("token", "new");
  expect(store.get("token", isText)).toBe("new");
});

it("ignores values that are no JSON", () => {
  const storage = memoryStorage();
  storage.setItem("opsroom.broken", "{");
  expect(createLocalStore(storage).get("broken", isText)).toBeUndefined();
});
