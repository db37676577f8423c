import { expect } from "@playwright/test";
import { create } from "./kit/instance-lifecycle";
import { joinChat, sendMessage, testsWithPortal, uniqueName } from "./kit/portal";

const PREFIX = "/opsroom";
const test = testsWithPortal(["--ephemeral"], { GATEWAY_ROOT_PATH: PREFIX });

test("below a path, the page and everything that it uses is below that path", async ({ page, portal }) => {
  const paths: string[] = [];
  page.on("request", request => paths.push(new URL(request.url()).pathname));
  page.on("websocket", socket => paths.push(new URL(socket.url()).pathname));
  await page.goto(portal.url + PREFIX);
  await expect(page).toHaveURL(`${portal.url}${PREFIX}/`);
  await joinChat(page, uniqueName("Ann"));
  await sendMessage(page, "hello");
  await expect(page.getByText("hello")).toBeVisible();
  await page.goto(`${portal.url}${PREFIX}/#/cloud`);
  const id = await create(page);
  await expect(page.getByRole("article", { name: id })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("article", { name: id })).toBeVisible();
  expect(paths.some(path => path.endsWith("/chat/ws"))).toBe(true);
  expect(paths.some(path => path.endsWith("/cloud/events"))).toBe(true);
  expect(paths.filter(path => !path.startsWith(`${PREFIX}/`) && path !== PREFIX)).toEqual([]);
});
