import type { Locator, Page } from "@playwright/test";

/** A jump through a list may add this many rows to the page, however long the list is: a few screens of them. */
export const ROWS_PER_JUMP = 60;

/** The number of rows that `work` adds to the list `box`: the work that would grow with a list drawn whole. */
export async function rowsAddedBy(box: Locator, work: () => Promise<void>): Promise<number> {
  const counter = await box.evaluateHandle(element => {
    const isRow = (node: Node) => node instanceof Element && node.classList.contains("virtual-list-row");
    const state = { added: 0, observer: new MutationObserver(() => {}) };
    const count = (records: MutationRecord[]) => {
      for (const { addedNodes } of records) state.added += [...addedNodes].filter(isRow).length;
    };
    state.observer = new MutationObserver(count);
    state.observer.observe(element, { childList: true, subtree: true });
    return state;
  });
  await work();
  return counter.evaluate(async state => {
    // One more frame, so that what was reported to the observer has been counted.
    await new Promise(resolve => requestAnimationFrame(resolve));
    state.observer.disconnect();
    return state.added;
  });
}

/** The number of rows that one of `steps` jumps through the list adds, on average. */
export async function rowsPerJump(box: Locator, steps = 60): Promise<number> {
  const added = await rowsAddedBy(box, () =>
    box.evaluate(async (element, count) => {
      for (let step = 1; step <= count; step += 1) {
        element.scrollTop = (element.scrollHeight * ((step * 37) % count)) / count;
        await new Promise(resolve => requestAnimationFrame(resolve));
      }
    }, steps),
  );
  return added / steps;
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
