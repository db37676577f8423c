import { namesFor, type Trigger } from "../../../text/composing/completion";
import type { Emoji } from "../../../text/emoji";
import type { OfferedCommand } from "../chat-commands";
import { type ArgumentSources, argumentCandidates } from "./argument-candidates";

/** Something that can be completed to. */
export interface Candidate {
  readonly key: string;
  readonly label: string;
  readonly detail: string;
  /** What stands in the text then. */
  readonly insert: string;
}

/** What there is to complete to. */
export interface Sources {
  readonly names: readonly string[];
  /** The names that mean several people, with what they mean. */
  readonly groups: Readonly<Record<string, string>>;
  /** The commands that the user may give. */
  readonly commands: readonly OfferedCommand[];
  readonly arguments: ArgumentSources;
  readonly findEmoji: ((query: string, limit: number) => readonly Emoji[]) | undefined;
}

const SHOWN_MAX = 8;

/** What `trigger` can be completed to, the best first; nothing if it is complete. */
export function candidatesFor(trigger: Trigger, sources: Sources): readonly Candidate[] {
  const { kind, query } = trigger;
  const found = ((): readonly Candidate[] => {
    switch (kind) {
      case "command":
        return sources.commands
          .filter(({ name }) => name.startsWith(query.toLowerCase()))
          .map(({ name, usage, summary }) => ({
            ...{ key: name, label: usage, detail: summary, insert: `/${name} ` },
          }));
      case "argument":
        return argumentCandidates(trigger, sources.arguments, SHOWN_MAX);
      case "mention":
        return namesFor(query, [...sources.names, ...Object.keys(sources.groups)], SHOWN_MAX).map(name => ({
          ...{ key: name, label: `@${name}`, detail: sources.groups[name] ?? "", insert: `@${name} ` },
        }));
      case "emoji":
        return (sources.findEmoji?.(query, SHOWN_MAX) ?? []).map(({ char, names: [name = ""] }) => ({
          ...{ key: char, label: `${char} :${name}:`, detail: "", insert: `${char} ` },
        }));
      default:
        return kind satisfies never;
    }
  })();
  const isComplete = kind !== "emoji" && found[0]?.key.toLowerCase() === query.toLowerCase();
  return isComplete && found.length === 1 ? [] : found;
}
