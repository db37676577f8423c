import type { Instance } from "../../../contract/generated";
import { splitNames } from "../../../text/server-names";
import { useApp } from "../../app-context";
import { glanceOf } from "../../cloud/glance";
import { hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";

/** A link to a server, with a dot that shows how it is now. */
export function ServerLink({ instance }: { readonly instance: Instance }) {
  const { dot, text } = glanceOf(dictionary.value, useApp().store.cloud.value, instance);
  const { name } = instance;
  return (
    <a class="server-link" href={hrefs.server(name)} title={`${name}: ${text}`}>
      <span class="dot" data-state={dot} aria-hidden="true" />
      {name}
    </a>
  );
}

/** A text in which the names of servers are links to them. */
export function WithServers({ text }: { readonly text: string }) {
  const { store } = useApp();
  const parts = splitNames(text);
  // Most texts name none: they are not drawn again when the servers change.
  if (parts.length === 1) return <>{text}</>;
  const servers = store.servers.value;
  return (
    <>
      {parts.map((part, index) => {
        const instance = index % 2 ? servers.get(part) : undefined;
        return instance ? <ServerLink key={index} instance={instance} /> : part;
      })}
    </>
  );
}
