/** The second click of a double click is ignored. */
export const isRepeat = (event: MouseEvent): boolean => event.detail > 1;
