import { expect, it } from "vitest";
import { type ScheduleForm, scheduleOf } from "./new-schedule";

const FORM: ScheduleForm = {
  name: "nightly",
  command: "stop",
  servers: "label:env=test",
  repeat: "weekday",
  moment: "",
  clock: "19:05",
  cron: "",
  zone: "Europe/Berlin",
};

it("makes a request of days, of a moment and of an expression of cron", () => {
  const made = { name: "nightly", command: "stop", zone: "Europe/Berlin" };
  expect(scheduleOf(FORM)).toEqual({ ...made, selector: "env=test", cron: "5 19 * * mon-fri" });
  expect(scheduleOf({ ...FORM, servers: "web-1 web-2", repeat: "sun" })).toEqual({
    ...{ ...made, ids: ["web-1", "web-2"] },
    cron: "5 19 * * sun",
  });
  expect(scheduleOf({ ...FORM, repeat: "cron", cron: " 0  4 * * 1-5 " })).toMatchObject({
    cron: "0 4 * * 1-5",
  });
  const once = scheduleOf({ ...FORM, repeat: "once", moment: "2026-12-01T03:00" });
  expect(once).toMatchObject({ at: new Date("2026-12-01T03:00").toISOString() });
  expect(once).not.toHaveProperty("zone");
});

it.each([
  [{ name: "" }, "name"],
  [{ name: "Nightly" }, "name"],
  [{ servers: " " }, "servers"],
  [{ servers: "web-1 label:env=test" }, "servers"],
  [{ repeat: "once", moment: "" }, "moment"],
  [{ clock: "25:00" }, "clock"],
  [{ repeat: "cron", cron: "0 4 *" }, "cron"],
  [{ zone: " " }, "zone"],
] as const)("names the field that can't be right: %j", (change, field) => {
  expect(scheduleOf({ ...FORM, ...change })).toBe(field);
});
