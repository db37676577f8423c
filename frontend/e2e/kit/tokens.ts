import { createHash, randomBytes } from "node:crypto";
import { expect, type Page } from "@playwright/test";
import type { Role } from "../../src/contract/generated";

interface Issued<Name extends string> {
  readonly tokens: Readonly<Record<Name, string>>;
  /** The value of `GATEWAY_TOKENS` for a portal that accepts them. */
  readonly setting: string;
}

/** Issue an access token to each person, with their role. */
export function issueTokens<Name extends string>(roles: Readonly<Record<Name, Role>>): Issued<Name> {
  const issued = Object.entries<Role>(roles).map(([name, role]) => {
    const token = `opsroom_${randomBytes(32).toString("base64url")}`;
    const line = `${name} ${role} sha256:${createHash("sha256").update(token).digest("hex")}`;
    return { name, token, line };
  });
  const tokens = Object.fromEntries(issued.map(({ name, token }) => [name, token]));
  return { tokens: tokens as Record<Name, string>, setting: issued.map(({ line }) => line).join() };
}

/** Sign in on the English page that asks who one is, with an access token. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByRole("button", { name: "I have an access token" }).click();
  await page.getByRole("textbox", { name: "Access token" }).fill(token);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
}
