import { unmarked } from "../../i18n/isolate";
import { formatClock } from "../../text/format";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { hrefs } from "../place";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";
import { activityDictionary } from "./activity-dictionary";
import { describe } from "./describe";
import type { Entry } from "./feed";

/** Something that happened, in a line: when, who, what, to which server, and why. */
export function EntryRow({ entry }: { readonly entry: Entry }) {
  const { instances } = useApp().store.cloud.value;
  const a = activityDictionary.value;
  const { who, what, server, target, reason, isProblem } = describe(
    { t: dictionary.value, a },
    instances,
    entry,
  );
  return (
    <article class={isProblem ? "happening problem-row" : "happening"}>
      <Time at={entry.at} format={formatClock} />
      <Avatar user={{ name: who }} />
      <p class="happening-words">
        <bdi class="happening-who">{who}</bdi>
        {" · "}
        <span class="happening-what">{what}</span>{" "}
        {server && (
          <a href={hrefs.server(server.name)} title={server.id} aria-label={unmarked(a.on(server.name))}>
            {server.name}
          </a>
        )}
        {target && <bdi class="happening-target">{target}</bdi>}
        {reason && (
          <span class="happening-reason">
            <Sentence text={reason} />
          </span>
        )}
      </p>
    </article>
  );
}
