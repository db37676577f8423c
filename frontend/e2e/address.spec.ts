import { expect } from "@playwright/test";
import { joinChat, openSettings, sendMessage, test, uniqueName } from "./kit/portal";

test("the page sends requests to its server only", async ({ page, portal }) => {
  const foreign: string[] = [];
  page.on("request", request => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== portal.url) foreign.push(request.url());
  });
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, "hello");
  await page.goto(`${portal.url}/#/cloud`);
  await expect(page.locator(".create")).toBeVisible();
  expect(foreign).toEqual([]);
});

test("the content security policy blocks foreign and inline content", async ({ page, portal }) => {
  await page.goto(portal.url);
  await page.getByRole("dialog").waitFor();
  const refused = await page.evaluate(async () => {
    const found: string[] = [];
    document.addEventListener("securitypolicyviolation", event => found.push(event.effectiveDirective));
    const add = (tag: string, parts: Record<string, string>) =>
      document.body.append(Object.assign(document.createElement(tag), parts));
    add("script", { textContent: "window.broken = true" });
    add("script", { src: "https://evil.example/x.js" });
    add("img", { src: "https://evil.example/x.png" });
    add("iframe", { src: "https://evil.example/" });
    add("style", { textContent: "body { display: none }" });
    add("object", { data: "https://evil.example/x" });
    await new Promise(resolve => setTimeout(resolve));
    // Both the policy of the page and that of the server report a violation.
    while (new Set(found).size < 5) await new Promise(resolve => requestAnimationFrame(resolve));
    return { found: [...new Set(found)].sort(), broken: "broken" in window };
  });
  expect(refused.broken).toBe(false);
  expect(refused.found).toEqual(["frame-src", "img-src", "object-src", "script-src-elem", "style-src-elem"]);
});

test("without a server, the page shows a notice and offers the demo", async ({ page, portal }) => {
  await page.goto(`${portal.url}/?api=http://127.0.0.1:9`);
  await page.getByRole("button", { name: "Connect" }).click();
  await expect(page.getByText("Server not found")).toBeVisible();
  await page.getByRole("link", { name: "Try the demo" }).click();
  await joinChat(page, "Marina");
  await expect(page.locator(".connection")).toContainText("Demo");
});

test("a link to another server needs confirmation, and no token is sent there", async ({ page, portal }) => {
  // The same server under another host name is another origin.
  const base = portal.url.replace("127.0.0.1", "localhost");
  const sent: string[] = [];
  page.on("request", request => {
    if (!request.url().startsWith(base)) return;
    sent.push(`${request.url()} ${request.postData()} ${JSON.stringify(request.headers())}`);
  });
  page.on("websocket", socket => {
    if (!socket.url().includes(new URL(base).host)) return;
    sent.push(socket.url());
    socket.on("framesent", ({ payload }) => void sent.push(String(payload)));
  });
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  const token = await page.evaluate(
    scope => JSON.parse(localStorage.getItem(`opsroom.identity.${scope}`) ?? "{}").token as string,
    portal.url,
  );
  expect(token.length).toBeGreaterThan(40);

  await page.goto(`${portal.url}/?api=${base}`);
  const dialog = page.getByRole("dialog", { name: "This link opens another server" });
  await expect(dialog).toContainText(base);
  await dialog.getByRole("button", { name: "Stay here" }).click();
  await expect(page.locator(".person-name.own")).toBeVisible();
  expect(new URL(page.url()).search).toBe("");
  expect(sent).toEqual([]);

  await page.goto(`${portal.url}/?api=${base}`);
  await dialog.getByRole("button", { name: "Connect" }).click();
  const bobName = uniqueName("Bob");
  await joinChat(page, bobName);
  await sendMessage(page, "hello, other side");
  await expect(page.locator(".message.own:not(.outgoing)", { hasText: "hello, other side" })).toBeVisible();
  expect(sent.length).toBeGreaterThan(2);
  expect(sent.join("\n")).not.toContain(token);
  // A confirmed server needs no second confirmation.
  await page.reload();
  await expect(page.locator(".person-name.own")).toHaveAttribute("title", bobName);
});

test("the settings choose a server, and reject an invalid address", async ({ page, portal }) => {
  await page.goto(`${portal.url}/#/cloud`);
  await openSettings(page);
  const field = page.getByRole("textbox", { name: "Server" });
  for (const wrong of ["javascript:alert(1)", "ftp://a.example", "https://u:p@a.example"]) {
    await field.fill(wrong);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("http:// or https://");
  }
  await field.fill(portal.url);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(page.locator(".connection")).toContainText("Live");
  await openSettings(page);
  await expect(field).toHaveValue(portal.url);
});

test("the settings save only the address of a server that responds, and nothing if they are cancelled", async ({
  page,
  portal,
}) => {
  await page.goto(`${portal.url}/#/cloud`);
  const open = () => openSettings(page);
  const field = page.getByRole("textbox", { name: "Server" });
  const dialog = page.getByRole("dialog");
  const saved = () => page.evaluate(() => Object.keys(localStorage).filter(key => /address/.test(key)));
  await open();
  for (const silent of ["foo", `${portal.url}/nothing-here`, "http://127.0.0.1:9"]) {
    await field.fill(silent);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("alert")).toContainText("Can't reach an Opsroom server");
  }
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(dialog).toHaveCount(0);
  expect(await saved()).toEqual([]);
  await open();
  await expect(field).toHaveValue("");

  // Cancelled while the address is being tried.
  await page.route("**/api/v1/session", async route => {
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await route.continue();
  });
  await field.fill(portal.url);
  const tried = page.waitForResponse("**/api/v1/session");
  await page.keyboard.press("Enter");
  await tried;
  await expect(dialog).toHaveCount(0);
  expect(await saved()).toEqual([]);
});
