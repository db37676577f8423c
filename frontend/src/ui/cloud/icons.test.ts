import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { COMMANDS } from "../../contract/generated";

it("every command of a server's card has an icon", () => {
  const styles = readFileSync("src/styles/icons.css", "utf8");
  const missing = Object.entries(COMMANDS)
    .filter(([, { needs }]) => needs.length > 0)
    .map(([command]) => command)
    .filter(name => !styles.includes(`.icon-${name} {`) || !existsSync(`src/icons/${name}.svg`));
  expect(missing).toEqual([]);
});
