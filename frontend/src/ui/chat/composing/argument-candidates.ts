import type { ChatCommandSpec, ChatParameter, ChatValues } from "../../../contract/chat-commands";
import { COMMANDS, type Instance, type LifecycleCommand } from "../../../contract/generated";
import type { CommandsDictionary } from "../../../i18n/commands.en";
import { namesFor, type Trigger } from "../../../text/composing/completion";
import { labelText } from "../../cloud/servers/server-order";
import type { Candidate } from "./candidates";

/** What arguments of commands can be completed to. */
export interface ArgumentSources {
  readonly kinds: CommandsDictionary["kinds"];
  /** The commands that the user may give. */
  readonly specs: readonly ChatCommandSpec[];
  readonly servers: readonly Instance[];
  /** The names of templates, with their providers. */
  readonly templates: readonly string[];
}

const LABEL = "label:";
const LIFECYCLE: readonly string[] = ["start", "stop", "restart", "rm", "list", "remove"];
/** The values that a list of servers has. */
const SERVER_VALUES: readonly ChatValues[] = ["servers", "server", "operation"];

/** The command of the cloud that a command of the chat gives. */
const cloudCommand = (name: string): LifecycleCommand | undefined =>
  name === "rm" ? "remove" : Object.hasOwn(COMMANDS, name) ? (name as LifecycleCommand) : undefined;

/** The names of servers, those first for which the command makes sense now. */
function serverNames(command: string, servers: readonly Instance[]): readonly string[] {
  const needs: readonly string[] = COMMANDS[cloudCommand(command) ?? "start"].needs;
  const isLifecycle = cloudCommand(command) !== undefined;
  const rank = ({ pending, state }: Instance): number => {
    if (command === "undo" || command === "approve" || command === "deny") return pending ? 0 : 1;
    return isLifecycle && (pending || !needs.includes(state)) ? 1 : 0;
  };
  return servers
    .map(one => ({ name: one.name, at: rank(one) }))
    .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1))
    .map(one => one.name);
}

/** The labels that servers have, each once, as a command selects by them. */
const labelsOf = (servers: readonly Instance[]): readonly string[] =>
  [
    ...new Set(
      servers.flatMap(one =>
        Object.entries(one.labels)
          .filter(([, value]) => value && !/[\s",]/.test(value))
          .map(entry => LABEL + labelText(entry)),
      ),
    ),
  ].sort();

const asCandidates = (texts: readonly string[], detail: string): readonly Candidate[] =>
  texts.map(text => ({ key: text, label: text, detail, insert: `${text} ` }));

/** The parameter that comes next among those without a keyword; undefined if a text or nothing more follows. */
function nextPositional(spec: ChatCommandSpec, before: readonly string[]): ChatParameter | undefined {
  const positional = spec.parameters.filter(one => one.keyword === undefined);
  const [first] = positional;
  // Several servers are one argument, and after the command of a schedule come its servers.
  if (first?.values === "servers") return first;
  if (first?.values === "lifecycle") return before.length === 0 ? first : positional[1];
  return positional[before.length];
}

/** What an argument can be completed to; before anything is typed, only one that must be there. */
export function argumentCandidates(
  { query, command = "", before = [] }: Trigger,
  { kinds, specs, servers, templates }: ArgumentSources,
  limit: number,
): readonly Candidate[] {
  const spec = specs.find(one => one.name === command);
  if (!spec) return [];
  const last = before.at(-1);
  const keywords = spec.parameters.flatMap(one => one.keyword ?? []);
  const isAfterKeyword = spec.parameters.some(
    one => one.keyword !== undefined && one.keyword === last && one.values !== "flag",
  );
  const hasKeyword = before.some(word => keywords.includes(word));
  const next = hasKeyword ? undefined : nextPositional(spec, before);
  const isListed = next?.values === "servers" && before.length > (spec.name === "schedule" ? 1 : 0);
  if (isAfterKeyword || (query === "" && (!next?.required || isListed))) return [];
  const given = new Set(before);
  const found: Candidate[] = [];
  const offer = (texts: readonly string[], detail: string) =>
    found.push(
      ...asCandidates(
        namesFor(
          query,
          texts.filter(text => !given.has(text)),
          limit,
        ),
        detail,
      ),
    );
  const hasLabel = before.some(word => word.startsWith(LABEL));
  if (next?.values === "template") offer(templates, kinds.template);
  if (next?.values === "lifecycle") offer(LIFECYCLE, kinds.keyword);
  if (next?.values === "command")
    offer(
      specs.map(one => one.name),
      kinds.keyword,
    );
  if (next && SERVER_VALUES.includes(next.values) && !hasLabel)
    offer(serverNames(spec.name, servers), kinds.server);
  const mayLabel =
    (next?.values === "servers" && (before.length === 0 || hasLabel || isListed === false)) ||
    spec.parameters.some(one => one.values === "labels");
  if (mayLabel && query !== "" && LABEL.startsWith(query.slice(0, LABEL.length))) {
    const wanted = query.startsWith(LABEL) ? query : LABEL;
    const labels = labelsOf(servers).filter(text => text.startsWith(wanted) && !given.has(text));
    found.push(...asCandidates(labels.slice(0, limit), kinds.label));
  }
  if (query !== "") offer(keywords, kinds.keyword);
  // What is typed in full comes first: Enter sends it.
  const exact = found.filter(one => one.key === query);
  return [...exact, ...found.filter(one => one.key !== query)].slice(0, limit);
}
