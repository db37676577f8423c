import { useRef } from "preact/hooks";
import type { Instance } from "../../contract/generated";
import { useApp } from "../app-context";
import { glanceOf } from "../cloud/glance";
import { usePinnedServers } from "../cloud/pinned-servers";
import { useRovingFocus } from "../list/roving-focus";
import { hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { roomsDictionary } from "./rooms-dictionary";

function PinnedList({ servers }: { readonly servers: readonly Instance[] }) {
  const { cloud } = useApp().store;
  const list = useRef<HTMLUListElement>(null);
  useRovingFocus(list);
  const label = roomsDictionary.value.pinnedServers;
  return (
    <nav class="sidebar-part pinned-servers" aria-label={label}>
      <h2>{label}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the list is one tab stop */}
      <ul ref={list} class="sidebar-rooms" tabIndex={0} aria-label={label}>
        {servers.map(instance => {
          const { dot, text } = glanceOf(dictionary.value, cloud.value, instance);
          return (
            <li key={instance.id} tabIndex={-1}>
              <a class="sidebar-link" href={hrefs.server(instance.name)} title={text}>
                <span class="dot" data-state={dot} aria-hidden="true" />
                <bdi class="sidebar-name">{instance.name}</bdi>
                <span class="visually-hidden">{text}</span>
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** The pinned servers that exist, each with how it is now. Nothing if there are none. */
export function PinnedServers() {
  const { instances } = useApp().store.cloud.value;
  const { ids } = usePinnedServers();
  const servers = (ids.value ?? []).flatMap(id => instances.get(id) ?? []);
  return servers.length > 0 ? <PinnedList servers={servers} /> : null;
}
