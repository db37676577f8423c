// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it } from "vitest";
import { guardPresses } from "./presses";

let now = 0;
let stop: () => void;
const pressed: string[] = [];

function button(name: string): HTMLButtonElement {
  const element = document.createElement("button");
  element.addEventListener("click", () => pressed.push(name));
  document.body.append(element);
  return element;
}
function over(element: Element, x: number): void {
  for (const type of ["pointerover", "pointermove"])
    element.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: x, clientY: 5 }));
}
const click = (element: Element, x: number, detail = 1) =>
  element.dispatchEvent(
    new MouseEvent("click", { bubbles: true, cancelable: true, clientX: x, clientY: 5, detail }),
  );

beforeEach(() => {
  now = 1_000;
  stop = guardPresses(document, () => now);
});
afterEach(() => {
  stop();
  document.body.replaceChildren();
  pressed.length = 0;
});

it("lets a held Enter click or submit once, and write lines in a text area", () => {
  const create = button("create");
  const field = document.body.appendChild(document.createElement("input"));
  const text = document.body.appendChild(document.createElement("textarea"));
  const press = (target: Element, key: string, repeat: boolean) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true }));
  // A browser clicks, or submits, unless the default is prevented.
  expect([press(create, "Enter", false), press(create, "Enter", true)]).toEqual([true, false]);
  expect([press(field, "Enter", false), press(field, "Enter", true)]).toEqual([true, false]);
  expect([press(text, "Enter", true), press(field, "a", true)]).toEqual([true, true]);
});

it("ignores a click on what has just come to lie under a resting pointer", () => {
  const [undo, remove] = [button("undo"), button("remove")];
  over(undo, 40);
  click(undo, 40);
  // "Undo" disappears; the browser reports the button that is there now, at the same place.
  over(remove, 40);
  now += 100;
  click(remove, 40);
  expect(pressed).toEqual(["undo"]);
  now += 500;
  click(remove, 40);
  expect(pressed).toEqual(["undo", "remove"]);
});

it("ignores it also if the browser didn't report the change before the click", () => {
  const [undo, remove] = [button("undo"), button("remove")];
  over(undo, 40);
  click(remove, 40);
  expect(pressed).toEqual([]);
});

it("accepts clicks on a button that the pointer was moved to, and repeated ones", () => {
  const [one, two] = [button("one"), button("two")];
  over(one, 40);
  click(one, 40);
  click(one, 40, 2);
  over(two, 90);
  click(two, 90);
  expect(pressed).toEqual(["one", "one", "two"]);
});

it("ignores the second click of a double click if it hits another button", () => {
  const [confirm, behind] = [button("confirm"), button("behind")];
  over(confirm, 40);
  click(confirm, 40);
  over(behind, 41);
  click(behind, 41, 2);
  expect(pressed).toEqual(["confirm"]);
});

it.each(["touch", "pen"])(
  "accepts a tap where an earlier tap was, whatever is there now (%s)",
  pointerType => {
    const tap = (element: Element) => {
      for (const type of ["pointerover", "pointerdown", "pointermove", "pointerup", "pointerout"])
        element.dispatchEvent(
          Object.assign(new MouseEvent(type, { bubbles: true, clientX: 40, clientY: 5 }), { pointerType }),
        );
      click(element, 40);
    };
    const [start, stop] = [button("start"), button("stop")];
    // A mouse may rest there.
    over(start, 40);
    tap(start);
    now += 3_000;
    tap(stop);
    expect(pressed).toEqual(["start", "stop"]);
  },
);

it("accepts clicks of keys and scripts", () => {
  const one = button("one");
  click(one, 0, 0);
  one.click();
  expect(pressed).toEqual(["one", "one"]);
});
