import { readFileSync } from "node:fs";

/** The table that the tests of the server read, too. */
interface TextCases {
  readonly blank: readonly string[];
  readonly visible: readonly string[];
  readonly names: readonly { readonly typed: string; readonly kept?: string; readonly problem?: string }[];
  readonly same: readonly (readonly [string, string])[];
  readonly different: readonly (readonly [string, string])[];
  readonly clip: readonly (readonly [string, number, string])[];
}

const FILE = new URL("../../../packages/contracts/tests/text/cases.json", import.meta.url);

export const textCases: TextCases = JSON.parse(readFileSync(FILE, "utf8"));
