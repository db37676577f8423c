import { TEXT_MAX } from "../../../contract/generated";
import { lengthOf } from "../../../text/typed";

const FENCE = "```";
/** What stands for a fence within the lines, so that they stay one block. */
const QUOTES = "'''";

/** A message so far, and after it the last lines of a log as a block of code, as many as a message can have. */
export function withExcerpt(before: string, head: string, lines: string): string {
  const start = [...(before.trim() ? [before.trimEnd()] : []), head, FENCE].join("\n");
  const room = Math.max(0, TEXT_MAX - lengthOf(`${start}\n\n${FENCE}`));
  const all = [...lines.replaceAll(FENCE, QUOTES)];
  const kept = all.slice(Math.max(0, all.length - room)).join("");
  // The first line may have been cut.
  const whole = all.length > room && kept.includes("\n") ? kept.slice(kept.indexOf("\n") + 1) : kept;
  return `${start}\n${whole}\n${FENCE}\n`;
}
