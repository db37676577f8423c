import { expect } from "@playwright/test";
import { createFrom, rowOf, testsWithAgent } from "./kit/agent";
import { openCloud, uniqueName } from "./kit/portal";

// About every second operation fails, so that a retry succeeds after some attempts.
const test = testsWithAgent({ AGENT_SIMULATED_FAILURE_RATE: "0.5", AGENT_SIMULATED_DELAY_SECONDS: "0.2" });

test("a failure stays with its reason until a retry succeeds, at its server, and for a creation above them", async ({
  page,
  portal,
}) => {
  await openCloud(page, portal.url);
  const retried = { creation: false, command: false };
  const fail = page.locator(".failure");
  for (let n = 0; n < 12 && !(retried.creation && retried.command); n += 1) {
    const name = uniqueName("web").toLowerCase();
    const row = rowOf(page, name);
    await createFrom(page, { name, labels: "env=prod", template: "small · lab" });
    const settled = row.getByText("Running").or(fail);
    await expect(settled).toBeVisible();
    while (await fail.isVisible()) {
      await expect(fail).toContainText(name);
      await expect(fail).toContainText("failed");
      await fail.getByRole("button", { name: "Retry" }).click();
      await expect(settled).toBeVisible();
      retried.creation = true;
    }
    await expect(row.locator(".tag")).toHaveText(["env=prod"]);
    await page.getByRole("button", { name: `Stop ${name}` }).click();
    const retry = page.getByRole("button", { name: `Retry: ${name}` });
    const stopped = row.getByText("Stopped").or(retry);
    await expect(stopped).toBeVisible();
    while (await retry.isVisible()) {
      await expect(row.locator(".problem")).toContainText("Stop failed:");
      await retry.click();
      await expect(stopped).toBeVisible();
      retried.command = true;
    }
    await expect(row).toContainText("Stopped");
  }
  expect(retried).toEqual({ creation: true, command: true });
});
