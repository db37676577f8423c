import { deflateSync } from "node:zlib";
import { type APIRequestContext, expect } from "@playwright/test";
import { joinChat, test, uniqueName } from "./kit/portal";

const HTML = "<!doctype html><script>top.hits = 1; hits = 1; localStorage.hit = 1</script>";
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="localStorage.hit = 1"><script>localStorage.hit = 1</script></svg>`;
const PDF =
  "%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\ntrailer<</Root 1 0 R>>";
/** Files that a browser would run if they came with the type that they want. */
const HOSTILE: Readonly<Record<string, [type: string, content: string | Buffer]>> = {
  "page.html": ["text/html", HTML],
  "page.xhtml": [
    "application/xhtml+xml",
    `<html xmlns="http://www.w3.org/1999/xhtml">${HTML.slice(15)}</html>`,
  ],
  "picture.svg": ["image/svg+xml", SVG],
  "style.xml": ["text/xml", `<?xml-stylesheet type="text/xsl" href="#"?>${SVG}`],
  "paper.pdf": ["application/pdf", PDF],
  "script.js": ["text/javascript", "localStorage.hit = 1"],
  "style.css": ["text/css", "body { display: none }"],
  "picture.gif": ["image/gif", `GIF89a/*\0\0\0\0\0;*/=1;localStorage.hit = 1;${HTML}`],
  "picture.png": ["image/png", `\x89PNG\r\n\x1a\n${HTML}`],
};

interface Uploader {
  readonly token: string;
  readonly request: APIRequestContext;
}

async function upload(
  { request, token }: Uploader,
  name: string,
  type: string,
  data: Buffer,
): Promise<string> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": type };
  const file = await request.post(`/api/v1/chat/files?room=general&name=${name}`, { headers, data });
  expect(file.status(), await file.text()).toBe(201);
  const { id } = await file.json();
  const sent = await request.post("/api/v1/chat/rooms/general/messages", {
    headers: { Authorization: `Bearer ${token}` },
    data: { text: name, files: [id] },
  });
  expect(sent.status(), await sent.text()).toBe(201);
  return id;
}

async function uploader(request: APIRequestContext): Promise<Uploader> {
  const made = await request.post("/api/v1/chat/users", { data: { name: uniqueName("Eve") } });
  return { request, token: (await made.json()).token };
}

test("no file runs, however it is opened, even if its address is all that it takes", async ({
  browser,
  playwright,
  portal,
}) => {
  const request = await playwright.request.newContext({ baseURL: portal.url });
  const eve = await uploader(request);
  // As if a proxy in front of the portal knew the user: then a link to a file opens it.
  const extraHTTPHeaders = { Authorization: `Bearer ${eve.token}` };
  const context = await browser.newContext({ extraHTTPHeaders });
  const page = await context.newPage();
  const dialogs: string[] = [];
  page.on("dialog", dialog => void dialogs.push(dialog.message()));
  const addresses: string[] = [];
  for (const [name, [type, content]] of Object.entries(HOSTILE)) {
    const data = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    const address = `${portal.url}/api/v1/chat/files/${await upload(eve, name, type, data)}`;
    addresses.push(address);
    await page.goto("about:blank");
    await page.goto(address).catch((error: Error) => {
      if (!/download|aborted|ERR_ABORTED/i.test(error.message)) throw error;
    });
    expect(await page.evaluate(() => document.querySelectorAll("script, svg").length), name).toBe(0);
  }
  await page.goto(portal.url);
  const shown = await page.evaluate(async files => {
    const load = (kind: string, attribute: string, file: string, more: Record<string, string> = {}) =>
      new Promise<string>(resolve => {
        const element = Object.assign(document.createElement(kind), more);
        element.setAttribute(attribute, file);
        element.onload = () => resolve("loaded");
        element.onerror = () => resolve("refused");
        document.body.append(element);
        // What neither loads nor fails is downloaded, or blocked.
        setTimeout(() => resolve("nothing"), 1000);
      });
    const one = async (file: string) => {
      await Promise.all([
        load("iframe", "src", file),
        load("object", "data", file),
        load("embed", "src", file),
      ]);
      return [await load("script", "src", file), await load("link", "href", file, { rel: "stylesheet" })];
    };
    return {
      used: await Promise.all(files.map(one)),
      hit: localStorage.getItem("hit"),
      hits: "hits" in window,
      visible: getComputedStyle(document.body).display !== "none",
    };
  }, addresses);
  expect(shown).toEqual({ used: shown.used, hit: null, hits: false, visible: true });
  expect(shown.used).toHaveLength(addresses.length);
  expect(shown.used.flat()).not.toContain("loaded");
  expect(dialogs).toEqual([]);
  await context.close();
  await request.dispose();
});

/** A gray PNG. It compresses to a thousandth. */
function png(width: number, height: number): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    const body = Buffer.concat([Buffer.from(kind, "latin1"), data]);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([head, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc((width + 1) * height), { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function crc(data: Buffer): number {
  let sum = ~0;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

/** A GIF that says it has one pixel, with a frame of many. */
function gif(width: number, height: number): Buffer {
  const data = Buffer.from(
    "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\0\0\0\0\0\x02\x02D\x01\0;",
    "latin1",
  );
  data.writeUInt16LE(width, 24);
  data.writeUInt16LE(height, 26);
  return data;
}

test("images that would take much memory are offered as files, and are not decoded", async ({
  page,
  playwright,
  portal,
}) => {
  const request = await playwright.request.newContext({ baseURL: portal.url });
  const eve = await uploader(request);
  await upload(eve, "small.png", "image/png", png(20, 10));
  await upload(eve, "high.png", "image/png", png(10, 20_000));
  await upload(eve, "many.png", "image/png", png(10_000, 10_000));
  await upload(eve, "frame.gif", "image/gif", gif(60_000, 60_000));
  await page.goto(portal.url);
  await joinChat(page, uniqueName("Ann"));
  await expect(page.getByRole("button", { name: "Open image small.png" }).locator("img")).toHaveJSProperty(
    "naturalWidth",
    20,
  );
  for (const name of ["high.png", "many.png", "frame.gif"]) {
    await expect(page.getByRole("button", { name: new RegExp(`Download ${name}`) })).toBeVisible();
    await expect(page.getByRole("button", { name: `Open image ${name}` })).toHaveCount(0);
  }
  await request.dispose();
});
