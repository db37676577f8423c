const BLOCK = /(?:^|\n)```[^\n`]*\n([\s\S]*?)\n```(?:\n|$)/;

/** The parts of a text between lines of three backticks, and around them: each second part is code. */
export const splitCode = (text: string): readonly string[] => text.split(BLOCK);
