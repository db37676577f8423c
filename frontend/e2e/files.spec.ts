import { readFileSync } from "node:fs";
import { type Browser, expect, type Page } from "@playwright/test";
import { expectAccessible } from "./kit/accessibility";
import { picture } from "./kit/pictures";
import { expectFocused, joinChat, test, uniqueName } from "./kit/portal";

async function person(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await joinChat(page, uniqueName("Fil"));
  await expect(page.locator(".connection")).toContainText("Live");
  return page;
}

test("files are attached, shown in place, opened and downloaded", async ({ browser, portal }) => {
  const [ann, bob] = [await person(browser, portal.url), await person(browser, portal.url)];
  const image = await picture(ann);
  const [chooser] = await Promise.all([
    ann.waitForEvent("filechooser"),
    ann.getByRole("button", { name: "Attach files" }).click(),
  ]);
  await chooser.setFiles([
    { name: "disk.jpg", mimeType: "image/jpeg", buffer: image },
    { name: "page.html", mimeType: "text/html", buffer: Buffer.from("<script>alert(1)</script>") },
    { name: "wrong.txt", mimeType: "text/plain", buffer: Buffer.from("wrong") },
  ]);
  await ann.getByRole("button", { name: "Remove wrong.txt" }).click();
  await expect(ann.getByRole("list", { name: "Attached files" }).getByRole("listitem")).toHaveCount(2);
  await expect(ann.locator("progress")).toHaveCount(0);
  await expectAccessible(ann);
  await ann.getByRole("button", { name: "Send" }).click();
  await expect(ann.getByRole("list", { name: "Attached files" })).toHaveCount(0);

  const shown = bob.getByRole("button", { name: "Open image disk.jpg" });
  await expect(shown.locator("img")).toHaveJSProperty("naturalWidth", 40);
  const [download] = await Promise.all([
    bob.waitForEvent("download"),
    bob.getByRole("button", { name: /Download page.html/ }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("page.html");
  expect(readFileSync(await download.path(), "utf8")).toBe("<script>alert(1)</script>");
  await expectAccessible(bob);

  await shown.click();
  const gallery = bob.getByRole("dialog", { name: "Images of the room" });
  await expect(gallery.getByRole("img", { name: "disk.jpg" })).toBeVisible();
  await expectAccessible(bob);
  const [saved] = await Promise.all([
    bob.waitForEvent("download"),
    gallery.getByRole("button", { name: /Download disk.jpg/ }).click(),
  ]);
  expect(readFileSync(await saved.path()).includes("secret place")).toBe(false);
  await bob.keyboard.press("Escape");
  await expect(gallery).toHaveCount(0);
  await expectFocused(shown);
  for (const page of [ann, bob]) await page.context().close();
});

test("what is pasted and what is dropped is attached", async ({ browser, portal }) => {
  const page = await person(browser, portal.url);
  const give = (kind: "paste" | "drop", name: string) =>
    page.locator(".composer textarea").evaluate(
      (field, [how, called]) => {
        const data = new DataTransfer();
        data.items.add(new File(["text"], called, { type: "text/plain" }));
        const event =
          how === "paste"
            ? new ClipboardEvent("paste", { bubbles: true, cancelable: true })
            : new DragEvent("drop", { bubbles: true, cancelable: true });
        // Firefox's events don't take the data from a script.
        Object.defineProperty(event, how === "paste" ? "clipboardData" : "dataTransfer", { value: data });
        field.dispatchEvent(event);
      },
      [kind, name] as const,
    );
  await give("paste", "pasted.log");
  await give("drop", "dropped.log");
  const attached = page.getByRole("list", { name: "Attached files" });
  await expect(attached).toContainText("pasted.log");
  await expect(attached).toContainText("dropped.log");
  await page.locator(".composer textarea").fill("two logs");
  await page.locator(".composer textarea").press("Enter");
  await expect(page.getByRole("button", { name: /Download dropped.log/ })).toBeVisible();
  await page.context().close();
});
