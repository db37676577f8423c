import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { copyText } from "../../clipboard";
import { Menu, type MenuItem } from "../../menu";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { usePinnedServers } from "../pinned-servers";
import { useMayCommand } from "../use-may-command";
import { useServerActions } from "./server-actions";
import { commandsFor, isReady, removes } from "./server-commands";
import type { Server } from "./server-order";
import { serversDictionary } from "./servers-dictionary";

interface ServerMenuProps {
  readonly server: Server;
  /** The button that opened it. */
  readonly anchor: HTMLElement;
  readonly onClose: () => void;
}

function useItems({ server }: ServerMenuProps): readonly MenuItem[] {
  const { commandSender } = useApp().store;
  const actions = useServerActions();
  const dialogs = useServerDialogs();
  const mayCommand = useMayCommand();
  const pinned = usePinnedServers();
  const { instance, status } = server;
  const { id, name } = instance;
  const t = serversDictionary.value.menu;
  const { commands, copied } = dictionary.value.cloud;
  const isReadyNow = isReady(status, commandSender.busy.value.has(id));
  const copy = async () => {
    await copyText(id);
    announce(copied);
  };
  const look: MenuItem[] = [
    { key: "details", text: t.details, run: () => goTo(hrefs.server(name)) },
    {
      key: "pin",
      text: pinned.ids.value?.includes(id) ? t.unpin : t.pin,
      run: () => pinned.toggle(id),
    },
    { key: "worklog", text: t.worklog, run: () => goTo(hrefs.worklog({ server: name })) },
    { key: "copy", text: t.copyId, run: () => void copy() },
  ];
  if (!mayCommand) return look;
  const commanded = commandsFor(instance).map((command): MenuItem => {
    const disabled = !isReadyNow || (instance.protected && command !== "start");
    if (!removes(command))
      return {
        key: command,
        text: commands[command],
        disabled,
        run: () => void commandSender.run(command, id),
      };
    const text = instance.condition === "lost" ? t.forget : t.remove;
    const run = () => dialogs.open({ kind: "remove", ids: [id] });
    return { key: command, text, disabled, isDangerous: true, run };
  });
  const [removal, ...rest] = commanded.reverse();
  return [
    ...rest.reverse(),
    { key: "edit", text: t.edit, run: () => dialogs.open({ kind: "edit", id }) },
    {
      key: "protect",
      text: instance.protected ? t.unprotect : t.protect,
      run: () => void actions.protect(id, !instance.protected),
    },
    ...look,
    ...(removal ? [removal] : []),
  ];
}

/** What can be done to a server. */
export function ServerMenu(props: ServerMenuProps) {
  const items = useItems(props);
  const { server, anchor, onClose } = props;
  return (
    <Menu
      items={items}
      anchor={anchor}
      label={serversDictionary.value.more(server.instance.name)}
      onClose={onClose}
    />
  );
}
