import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import type { Language } from "./language";

const FILE = "../../../docs/reference/texts-page.md";
const HEAD = `# Texts of the page

<!-- Made from the code by \`npm run texts\`. -->

All texts of the page, to be read line by line. What depends on names and numbers is shown as it is in the code.
`;

type Texts = readonly (readonly [path: string, text: string])[];

/** The texts of a dictionary by path. A function is shown by its source, which has all forms of the plural. */
function textsOf(value: unknown, path = ""): Texts {
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([name, one]) => textsOf(one, path ? `${path}.${name}` : name));
  if (typeof value !== "function") return [[path, String(value)]];
  const source = value.toString().replace(/\s+/g, " ");
  return [[path, `\`${source}\``]];
}

const cell = (text: string | undefined): string =>
  (text ?? "")
    .replace(/[\u2066-\u2069]/g, "")
    .replaceAll("|", "\\|")
    .replaceAll("\n", " ⏎ ");

async function dictionary(name: string, language: Language): Promise<unknown> {
  const path = name === "" ? `./${language}.ts` : `./${name}.${language}.ts`;
  const module: Record<string, unknown> = await import(/* @vite-ignore */ path);
  return module[language];
}

async function table(name: string): Promise<string> {
  const english = textsOf(await dictionary(name, "en"));
  const russian = new Map(textsOf(await dictionary(name, "ru")));
  const rows = english.map(([path, text]) => `| ${path} | ${cell(text)} | ${cell(russian.get(path))} |`);
  return [`\n## ${name || "page"}\n`, "| text | English | Russian |", "|---|---|---|", ...rows, ""].join(
    "\n",
  );
}

it("all texts of the page are in the table, English beside Russian", async () => {
  const parts = readdirSync("src/i18n")
    .filter(file => file.endsWith(".ru.ts"))
    .map(file => file.replace(".ru.ts", ""))
    .sort();
  expect(parts.length).toBeGreaterThan(3);
  const tables = await Promise.all(["", ...parts].map(table));
  await expect(HEAD + tables.join("")).toMatchFileSnapshot(FILE);
});
