import { expect } from "@playwright/test";
import { joinChat, sendAsNewUser, test, uniqueName } from "./kit/portal";

/** Attack strings for XSS: markup, attributes, URLs, templates, entities. */
const CORPUS = [
  "<script>hit()</script>",
  "<img src=x onerror=hit()>",
  "<svg/onload=hit()>",
  "<svg><animate onbegin=hit() attributeName=x dur=1s>",
  "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
  "<details open ontoggle=hit()>",
  "<video><source onerror=hit()></video>",
  "<math><mtext></table><img src=x onerror=hit()>",
  "<style>@import 'javascript:hit()';</style><style onload=hit()></style>",
  '<a href="javascript:hit()">x</a> javascript:hit() JaVaScRiPt:hit()',
  "<form action=javascript:hit()><button>x</button></form>",
  "<base href=//evil.example><meta http-equiv=refresh content='0;url=javascript:hit()'>",
  '" onmouseover="hit()" autofocus onfocus="hit()" x="',
  '[x](javascript:hit()) [x](JaVaScRiPt:hit()) [x](data:text/html,hit()) ![x](x"onerror="hit())',
  "'-hit()-' {{hit()}} #{hit()} {{constructor.constructor('hit()')()}} <%= hit() %>",
  "&lt;script&gt;hit()&lt;/script&gt; &#60;img src=x onerror=hit()&#62;",
  "\\u003cscript\\u003ehit()\\u003c/script\\u003e",
  "</textarea></title></script><script>hit()</script>",
  "<!--><script>hit()</script-->",
  "https://a.example/\"onmouseover=hit()// https://a.example/'><script>hit()</script>",
  "http://a.example@evil.example/ data:text/html,<script>hit()</script> vbscript:hit()",
  "https://evil.example\u202emoc.doog https://a.example/\u0000<script>hit()</script>".replace(
    "\u0000",
    "%00",
  ),
];
const NAMES = [
  "<img src=x onerror=hit()>",
  "<svg/onload=hit()>",
  "'\"><b onclick=hit()>",
  "{{hit()}}",
  "javascript:hit()",
];

test("messages and names are rendered as text only", async ({ page, portal }) => {
  await page.addInitScript(() =>
    Object.assign(window, { hits: 0, hit: () => Object.assign(window, { hits: 1 }) }),
  );
  // High enough for all messages: the virtual list renders visible rows only.
  await page.setViewportSize({ width: 1180, height: 3000 });
  const dialogs: string[] = [];
  page.on("dialog", dialog => void dialogs.push(dialog.message()));
  // A link must not run scripts through its server address.
  for (const api of ["javascript:hit()", "data:text/html,<script>hit()</script>", "//x:y@evil.example"]) {
    await page.goto(`${portal.url}/?api=${encodeURIComponent(api)}`);
    await expect(page.getByRole("textbox", { name: "Nickname" })).toBeVisible();
    expect(new URL(page.url()).origin).toBe(portal.url);
  }
  await joinChat(page, uniqueName("Ann"));
  const called = await page.evaluate(async names => {
    const run = Date.now().toString(36).slice(-5);
    const socket = (token: string) =>
      new Promise<void>(resolve => {
        const opened = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/chat/ws`, "opsroom.v1");
        opened.onopen = () => opened.send(JSON.stringify({ type: "hello", token }));
        opened.onmessage = () => resolve();
      });
    const taken: string[] = [];
    for (const name of names.map(name => `${name}${run}`.slice(0, 32))) {
      const body = JSON.stringify({ name });
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch("/api/v1/chat/users", { method: "POST", headers, body });
      if (!answer.ok) throw new Error(await answer.text());
      const { token } = await answer.json();
      await socket(token);
      await fetch("/api/v1/cloud/instances", {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
      });
      taken.push(name);
    }
    return taken;
  }, NAMES);
  await sendAsNewUser(page, CORPUS);
  for (const text of CORPUS.slice(-3))
    await expect(page.locator(".message-text", { hasText: text })).toBeVisible();
  for (const name of called) await expect(page.locator(".person-name", { hasText: name })).toHaveCount(1);
  const shown = await page.locator(".message-text").allTextContents();
  expect(shown.filter(text => CORPUS.includes(text)).length).toBe(CORPUS.length);
  const links = await page
    .locator(".message-text a")
    .evaluateAll(all => all.map(a => (a as HTMLAnchorElement).protocol));
  expect(links.every(protocol => protocol === "https:" || protocol === "http:")).toBe(true);
  const others =
    "script, img, svg, iframe, style, form, video, object, base, meta, [onerror], [onload], [onclick]";
  expect(await page.locator(".message-text").locator(others).count()).toBe(0);
  await page.goto(`${portal.url}/#/cloud`);
  for (const name of called)
    await expect(page.locator(".log-entry", { hasText: name }).first()).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { hits: number }).hits)).toBe(0);
  expect(dialogs).toEqual([]);
});
