/** The code of keys that an input method handles. */
const IN_COMPOSITION = 229;

/**
 * Whether an input method handles the key, such as Enter that confirms a word. Safari ends the composition before it
 * reports that key, so only the code tells.
 */
export const isComposing = (event: KeyboardEvent): boolean =>
  event.isComposing || event.keyCode === IN_COMPOSITION;
