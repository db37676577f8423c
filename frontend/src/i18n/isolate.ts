/** Unicode's isolates, around a text whose own first strong character decides its direction. */
const [OPEN, CLOSE] = ["\u2068", "\u2069"];

/**
 * Mark a name or a reason in a sentence, so that its direction and its punctuation don't reorder the rest. `Sentence`
 * renders the marks as elements; tooltips have nothing else.
 */
export const isolated = (text: string): string => OPEN + text.replace(/[\u2066-\u2069]/g, "") + CLOSE;

/** A sentence without the marks: for what is read aloud or copied. */
export const unmarked = (sentence: string): string => sentence.replace(/[\u2068\u2069]/g, "");

/** The parts of a sentence; those at odd places are isolated. */
export const isolatedParts = (sentence: string): readonly string[] =>
  sentence.split(/\u2068([^\u2069]*)\u2069/);
