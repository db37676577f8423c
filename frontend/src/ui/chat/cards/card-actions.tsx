import { useState } from "preact/hooks";
import type { Card } from "../../../contract/generated";
import type { ShownRow } from "../../../state/chat/message-changes";
import type { OutgoingMessage } from "../../../state/chat/model";
import { parse, specOf } from "../../../text/grammar";
import { useApp } from "../../app-context";
import { FormDialog } from "../../form-dialog";
import { dictionary } from "../../settings/preferences";
import { mayDo } from "../may-do";
import { webAddress } from "./card-frame";
import { cardsDictionary } from "./cards-dictionary";

type Action = Card["actions"][number];

/** The id of the portal itself, as the author of replies to commands. */
const OPSROOM = "bot-opsroom";

/** The row of the command that a button gives; undefined if it is none that the portal takes. */
function specOfButton(command: string) {
  const said = parse(command);
  return said.is === "Problem" || said.is === "Text"
    ? undefined
    : specOf(command.slice(1).split(/\s/, 1)[0] ?? "");
}

interface CommandButtonProps {
  readonly label: string;
  readonly command: string;
  readonly message: ShownRow;
}

/** A button that says a command as the reader, in the thread of the card. What changes servers is confirmed first. */
function CommandButton({ label, command, message }: CommandButtonProps) {
  const { store } = useApp();
  const [isAsking, setIsAsking] = useState(false);
  const t = cardsDictionary.value;
  const spec = specOfButton(command);
  const thread = message.thread ?? message.id;
  const isSending = store.chat.value.outbox.some(
    item => item.thread === thread && item.text === command && item.status !== "failed",
  );
  // A button that the reader may not press would only promise something.
  if (!spec || spec.isLocal || !mayDo(store, spec.permission)) return null;
  const send = () => store.send(command, message.room, { thread });
  const press = () => {
    if (isSending) return;
    // Who wrote the card chose the words on the button, and what it does need not be what they say.
    if (spec.permission === "command_servers" && message.user.id !== OPSROOM) setIsAsking(true);
    else send();
  };
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-disabled={isSending}
        title={t.says(command)}
        onClick={event => {
          if (event.detail <= 1) press();
        }}
      >
        {label}
      </button>
      {isAsking && (
        <FormDialog
          title={t.confirmTitle}
          confirm={t.run}
          isBusy={false}
          problem=""
          onSubmit={() => {
            setIsAsking(false);
            send();
          }}
          onClose={() => setIsAsking(false)}
        >
          <p>{t.confirmText}</p>
          <p>
            <code class="card-command" dir="ltr">
              {command}
            </code>
          </p>
        </FormDialog>
      )}
    </>
  );
}

function ActionButton({ action, message }: { readonly action: Action; readonly message: ShownRow }) {
  const { label, command, url } = action;
  if (command !== undefined) return <CommandButton label={label} command={command} message={message} />;
  const href = webAddress(url);
  if (!href) return null;
  return (
    <a
      class="button small"
      href={href}
      title={cardsDictionary.value.opensPage(href)}
      target="_blank"
      rel="noopener noreferrer nofollow ugc"
    >
      {label}
    </a>
  );
}

/** A command of a button that was refused, and what to do about it. */
function FailedCommand({ item }: { readonly item: OutgoingMessage }) {
  const { store } = useApp();
  const t = dictionary.value;
  return (
    <p class="card-failed problem" role="status">
      <code dir="ltr">{item.text}</code> {t.chat.failed}
      {item.code && ` — ${t.error(item.code)}`}
      <button type="button" class="link-button" onClick={() => store.retry(item.clientId)}>
        {t.chat.retry}
      </button>
      <button type="button" class="link-button" onClick={() => store.discard(item.clientId)}>
        {t.chat.discard}
      </button>
    </p>
  );
}

interface FailedCommandsProps {
  readonly message: ShownRow;
  readonly commands: readonly string[];
}

/** Those of the commands of a card that were refused. */
export function FailedCommands({ message, commands }: FailedCommandsProps) {
  const thread = message.thread ?? message.id;
  return (
    <>
      {useApp()
        .store.chat.value.outbox.filter(
          item => item.thread === thread && item.status === "failed" && commands.includes(item.text),
        )
        .map(item => (
          <FailedCommand key={item.clientId} item={item} />
        ))}
    </>
  );
}

interface CardActionsProps {
  readonly message: ShownRow;
  readonly card: Card;
}

/** The buttons of a card: those of which the reader may do what they do. */
export function CardActions({ message, card }: CardActionsProps) {
  const { me } = useApp().store.chat.value;
  const shown = card.actions.filter(one => one.url !== undefined || me !== undefined);
  if (shown.length === 0) return null;
  return (
    <>
      <div class="card-actions">
        {shown.map((action, index) => (
          <ActionButton key={index} action={action} message={message} />
        ))}
      </div>
      <FailedCommands message={message} commands={shown.flatMap(one => one.command ?? [])} />
    </>
  );
}
