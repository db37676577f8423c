import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { COMMANDS } from "../../contract/generated";

it("every command of a server's card has an icon", () => {
  const styles = readFileSync("src/styles/icons.css", "utf8");
  const missing = Object.entries(COMMANDS)
    .filter(([command, { needs }]) => needs.length > 0 && !styles.includes(`.icon-${command} {`))
    .map(([command]) => command);
  expect(missing).toEqual([]);
});
