import type { Locator, Page } from "@playwright/test";

/**
 * How many times what it costs in a short list a jump may cost in a very long one, measured one after the other:
 * how fast the machine is at that moment cancels out. What grew with the list would cost hundreds of times as much.
 */
export const SMOOTH_TIMES = 3;
/** What one does in a long list may cost so much, with all that follows: nobody feels it as a wait. */
export const PROMPT_MS = 500;

/**
 * What `work` costs the page's main thread, in milliseconds of its own processor time: how long it really takes
 * depends on what else the machine does, this hardly.
 */
export async function costOf(page: Page, work: () => Promise<void>): Promise<number> {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    const { metrics } = await client.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
  };
  const before = await spent();
  await work();
  const cost = ((await spent()) - before) * 1000;
  await client.detach();
  return cost;
}

/** What one of `steps` jumps through a list costs, as `costOf` counts. */
export async function costOfScrolling(page: Page, box: Locator, steps = 60): Promise<number> {
  const cost = await costOf(page, () =>
    box.evaluate(async (element, count) => {
      for (let step = 1; step <= count; step += 1) {
        element.scrollTop = (element.scrollHeight * ((step * 37) % count)) / count;
        await new Promise(resolve => requestAnimationFrame(resolve));
      }
    }, steps),
  );
  return cost / steps;
}

/** Where `box` is scrolled to, once it has stood still for a few frames. */
export const settledScroll = (box: Locator): Promise<number> =>
  box.evaluate(async element => {
    const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
    for (let still = 0, last = -1; still < 3; await frame()) {
      still = element.scrollTop === last ? still + 1 : 0;
      last = element.scrollTop;
    }
    return element.scrollTop;
  });

/** Wait until nothing fades or moves any more; what turns for ever is not waited for. */
export const settledLooks = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const passing = document
      .getAnimations()
      .filter(animation => animation.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(passing.map(animation => animation.finished));
  });
