import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { copyText } from "../../clipboard";
import { goTo, hrefs } from "../../place";
import { dictionary } from "../../settings/preferences";
import { useServerDialogs } from "../dialogs/server-dialogs";
import { useMayCommand } from "../use-may-command";
import { useServerActions } from "./server-actions";
import { commandsFor, isReady, removes } from "./server-commands";
import type { Server } from "./server-order";
import { serversDictionary } from "./servers-dictionary";

interface MenuItem {
  readonly key: string;
  readonly text: string;
  readonly disabled?: boolean;
  readonly isDangerous?: boolean;
  readonly run: () => void;
}

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

const itemsIn = (menu: HTMLElement): HTMLElement[] => [
  ...menu.querySelectorAll<HTMLElement>("[role=menuitem]"),
];

/** The next item whose text begins with a letter. */
function indexByLetter(items: readonly HTMLElement[], at: number, key: string): number | undefined {
  const letter = key.toLocaleLowerCase();
  const order = items.map((_, index) => (at + 1 + index) % items.length);
  return order.find(index => items[index]?.textContent?.trim().toLocaleLowerCase().startsWith(letter));
}

/** Place the menu at its button: below it, or above it if there is no room. */
function placeAt(menu: HTMLElement, anchor: HTMLElement): void {
  const { top, bottom, right } = anchor.getBoundingClientRect();
  const { offsetHeight, offsetWidth } = menu;
  const isBelow = bottom + offsetHeight <= innerHeight || top < offsetHeight;
  menu.style.left = `${Math.max(4, right - offsetWidth)}px`;
  menu.style.top = `${Math.max(4, isBelow ? Math.min(bottom, innerHeight - offsetHeight - 4) : top - offsetHeight)}px`;
}

/** What can be done to a server. Arrow keys move in it; Escape, Tab and a click elsewhere close it. */
export function ServerMenu(props: ServerMenuProps) {
  const { server, anchor, onClose } = props;
  const menu = useRef<HTMLDivElement>(null);
  const items = useItems(props);
  useLayoutEffect(() => {
    const element = menu.current;
    if (!element) return;
    element.showPopover?.();
    placeAt(element, anchor);
    itemsIn(element)[0]?.focus();
  }, [anchor]);
  useEffect(() => {
    // What scrolls moves the button away from the menu; a log that is followed elsewhere doesn't.
    const onScroll = (event: Event) => {
      if ((event.target as Node).contains(anchor)) onClose();
    };
    addEventListener("scroll", onScroll, true);
    addEventListener("resize", onClose);
    return () => {
      removeEventListener("scroll", onScroll, true);
      removeEventListener("resize", onClose);
    };
  }, [anchor, onClose]);
  const close = () => {
    anchor.focus();
    onClose();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = menu.current ? itemsIn(menu.current) : [];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next: Readonly<Record<string, number>> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const index = next[event.key] ?? indexByLetter(all, at, event.key);
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (index !== undefined) all[index]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={menu}
      class="menu"
      popover="auto"
      role="menu"
      tabIndex={-1}
      aria-label={serversDictionary.value.more(server.instance.name)}
      onKeyDown={onKeyDown}
      onToggle={event => {
        if (event.newState === "closed") onClose();
      }}
    >
      {items.map(({ key, text, disabled = false, isDangerous, run }) => (
        <button
          key={key}
          type="button"
          role="menuitem"
          class={isDangerous ? "menu-item danger" : "menu-item"}
          tabIndex={-1}
          aria-disabled={disabled}
          onClick={() => {
            if (disabled) return;
            close();
            run();
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
