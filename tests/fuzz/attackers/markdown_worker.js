// Parses messages with the page's code. Each line of the input is a message as JSON; each line of the output is what
// the page would make of it, and what that took.
import { createInterface } from "node:readline";
import { highlight } from "../../../frontend/src/text/highlight";
import { parseMarkdown } from "../../../frontend/src/text/markdown/blocks";
import { Work } from "../../../frontend/src/text/markdown/nodes";

function visit(nodes, seen, depth) {
  seen.depth = Math.max(seen.depth, depth);
  for (const node of nodes) {
    if (typeof node === "string") continue;
    seen.types.add(node.type);
    if (node.type === "link") seen.hrefs.push(node.href);
    if (node.type === "fence") {
      const tokens = highlight(node.text, node.language);
      const shown = tokens?.map(one => one.text).join("");
      if (shown !== undefined && shown !== node.text) seen.changed = true;
    }
    if (node.items) for (const item of node.items) visit(item.children, seen, depth + 1);
    if (node.children) visit(node.children, seen, depth + 1);
  }
}

createInterface({ input: process.stdin }).on("line", line => {
  const text = JSON.parse(line);
  const work = new Work();
  const seen = { depth: 0, hrefs: [], types: new Set(), changed: false };
  const before = process.cpuUsage();
  visit(
    parseMarkdown(text, work, name => name.length % 2 === 0),
    seen,
    0,
  );
  const { user, system } = process.cpuUsage(before);
  const answer = { ...seen, types: [...seen.types], steps: work.steps, milliseconds: (user + system) / 1000 };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
