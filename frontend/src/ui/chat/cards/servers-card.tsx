import { useMemo } from "preact/hooks";
import type { Card, Instance } from "../../../contract/generated";
import type { ShownRow } from "../../../state/chat/message-changes";
import { statusOf } from "../../../state/cloud/server-status";
import { useApp } from "../../app-context";
import { type ServerDialog, ServerDialogsContext } from "../../cloud/dialogs/server-dialogs";
import { isRepeat } from "../../cloud/servers/repeated-click";
import { commandsFor, isReady, removes } from "../../cloud/servers/server-commands";
import { labelText } from "../../cloud/servers/server-order";
import { ServerState } from "../../cloud/servers/server-state";
import { useSlowNow } from "../../cloud/servers/use-slow-now";
import { useMayCommand } from "../../cloud/use-may-command";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { MessageText } from "../message/message-text";
import { CardActions } from "./card-actions";
import { CardFrame } from "./card-frame";
import { cardsDictionary } from "./cards-dictionary";
import { stateOf } from "./outside-card";

/** The buttons of a server in a card: those that change its state. */
function ServerButtons({
  instance,
  isReadyNow,
}: {
  readonly instance: Instance;
  readonly isReadyNow: boolean;
}) {
  const { commandSender } = useApp().store;
  const { id, name } = instance;
  const t = dictionary.value.cloud;
  return (
    <span class="card-server-buttons">
      {commandsFor(instance)
        .filter(command => !removes(command))
        .map(command => {
          const disabled = !isReadyNow || (instance.protected && command !== "start");
          return (
            <button
              key={command}
              type="button"
              class="icon-button"
              aria-disabled={disabled}
              aria-label={t.action(command, name)}
              title={t.action(command, name)}
              onClick={event => {
                if (!disabled && !isRepeat(event)) void commandSender.run(command, id);
              }}
            >
              <span class={`icon icon-${command}`} aria-hidden="true" />
            </button>
          );
        })}
    </span>
  );
}

interface CardServerProps {
  readonly instance: Instance;
  /** Whether it has buttons. */
  readonly hasButtons?: boolean;
}

/** A server in a card, as it is now: a pending command can be undone here. */
export function CardServer({ instance, hasButtons = false }: CardServerProps) {
  const { cloud, commandSender } = useApp().store;
  const mayCommand = useMayCommand();
  const now = useSlowNow();
  const status = statusOf(cloud.value, instance, undefined);
  const { id, name, labels } = instance;
  // The dialogs of servers are on their page.
  const dialogs = useMemo(() => ({ open: (_dialog: ServerDialog) => goTo(hrefs.server(name)) }), [name]);
  return (
    <ServerDialogsContext.Provider value={dialogs}>
      <div class="card-server" data-id={id} data-status={status.kind}>
        <a class="card-server-name" href={hrefs.server(name)}>
          {name}
        </a>
        <span class="server-state">
          <ServerState instance={instance} status={status} now={now} />
        </span>
        <span class="card-server-labels">
          {Object.entries(labels).map(entry => (
            <span key={entry[0]} class="tag">
              {labelText(entry)}
            </span>
          ))}
        </span>
        {hasButtons && mayCommand && (
          <ServerButtons instance={instance} isReadyNow={isReady(status, commandSender.busy.value.has(id))} />
        )}
      </div>
    </ServerDialogsContext.Provider>
  );
}

/** Those of the servers that exist. */
export function CardServers({
  ids,
  hasButtons = false,
}: {
  readonly ids: readonly string[];
  readonly hasButtons?: boolean;
}) {
  const { instances } = useApp().store.cloud.value;
  const found = ids.flatMap(id => instances.get(id) ?? []);
  if (found.length === 0) return null;
  return (
    <div class="card-servers">
      {found.map(instance => (
        <CardServer key={instance.id} instance={instance} hasButtons={hasButtons} />
      ))}
    </div>
  );
}

interface CardProps {
  readonly message: ShownRow;
  readonly card: Card;
}

/** A card of servers: as they are now for a reader who sees servers, otherwise as they were. */
export function ServersCard({ message, card }: CardProps) {
  const { access, cloud } = useApp().store;
  const { instances: ids = [], title, text, link } = card;
  const isLive = access.may("see_servers") && cloud.value.loaded && ids.length > 0;
  const isGone = isLive && !ids.some(id => cloud.value.instances.has(id));
  return (
    <CardFrame state={stateOf(card)} title={title} link={link}>
      {isLive ? <CardServers ids={ids} hasButtons /> : text && <MessageText text={text} />}
      {isGone && <p class="hint">{cardsDictionary.value.noServers}</p>}
      <CardActions message={message} card={card} />
    </CardFrame>
  );
}
