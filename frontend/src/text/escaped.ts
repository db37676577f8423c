/** Whether a text is one line: a text of several lines is never a command, so that pasted paths stay text. */
const isOneLine = (text: string): boolean => !/[\n\r]/.test(text);

/** A text as the portal stores it: `//` at the beginning of a line stands for a slash. */
export const unescaped = (text: string): string =>
  text.startsWith("//") && isOneLine(text) ? text.slice(1) : text;

/** Whether a text is meant as a command, a valid one or not. */
export const isCommand = (text: string): boolean =>
  text.startsWith("/") && !text.startsWith("//") && isOneLine(text);
