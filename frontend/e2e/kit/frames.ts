import type { Locator, Page } from "@playwright/test";

/** The most rows that a jump through a list of any length may render: a few screens. */
export const ROWS_PER_JUMP = 60;

/** Count the rows that `work` adds to the list `box`; without a virtual list, it would grow with the list. */
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
    // Wait a frame, so that the observer has processed all records.
    await new Promise(resolve => requestAnimationFrame(resolve));
    state.observer.disconnect();
    return state.added;
  });
}

/** The average number of rows added per jump, for `steps` jumps through the list. */
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

/** The scroll position of `box`, once it hasn't changed for a few frames. */
export const stableScrollTop = (box: Locator): Promise<number> =>
  box.evaluate(async element => {
    const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
    for (let still = 0, last = -1; still < 3; await frame()) {
      still = element.scrollTop === last ? still + 1 : 0;
      last = element.scrollTop;
    }
    return element.scrollTop;
  });

/** Wait until all finite animations have finished. */
export const animationsFinished = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const passing = document
      .getAnimations()
      .filter(animation => animation.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY);
    await Promise.allSettled(passing.map(animation => animation.finished));
  });
