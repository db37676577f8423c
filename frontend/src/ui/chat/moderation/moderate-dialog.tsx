import { useEffect, useState } from "preact/hooks";
import type { Moderation } from "../../../api/backend";
import { ApiError } from "../../../api/errors";
import type { AddressSeen } from "../../../contract/generated";
import { formatMessageTime } from "../../../text/format";
import { sameName } from "../../../text/typed";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { dictionary } from "../../settings/preferences";
import { type ModerationTarget, moderationTarget } from "./moderate-button";
import { moderationDictionary } from "./moderation-dictionary";
import {
  DEFAULT_DURATION,
  DurationField,
  type Problem,
  ProblemLine,
  ReasonField,
  type RestrictionInput,
  toRestrictionDetails,
} from "./restriction-fields";
import { useRestrictions } from "./use-restrictions";

type ModerationAction = "remove" | "mute" | "ban" | "address";

interface ModerationInput {
  readonly action: ModerationAction;
  readonly address: string;
  readonly restriction: RestrictionInput;
}

function toModeration(
  { user, message }: ModerationTarget,
  { action, address, restriction }: ModerationInput,
): Moderation {
  const details = toRestrictionDetails(restriction);
  if (action === "remove" && message) {
    const why = details.reason ? { reason: details.reason } : {};
    return { kind: "remove", room: message.room, id: message.id, ...why };
  }
  if (action === "address") return { kind: "ban", address, ...details };
  return action === "ban"
    ? { kind: "ban", name: user.name, ...details }
    : { kind: "mute", name: user.name, ...details };
}

/** The user's mutes and bans, each with a button to lift it. */
function ActiveRestrictions({ name }: { readonly name: string }) {
  const t = moderationDictionary.value;
  const { restrictions, problem, lift } = useRestrictions();
  return (
    <>
      {restrictions
        ?.filter(one => sameName(name, one.name))
        .map(one => (
          <p key={one.id} class="moderation-held">
            {t.active(one.kind, one.until && formatMessageTime(one.until))}{" "}
            <button type="button" class="link-button" onClick={() => void lift(one)}>
              {t.lift}
            </button>
          </p>
        ))}
      <ProblemLine problem={problem} />
    </>
  );
}

interface AddressProps {
  readonly name: string;
  readonly address: string;
  readonly onChange: (address: string) => void;
  readonly onProblem: (error: unknown) => void;
}

/** The user's addresses. Loaded only for an address ban, because each request is audited. */
function AddressField({ name, address, onChange, onProblem }: AddressProps) {
  const { backend, store } = useApp();
  const t = moderationDictionary.value;
  const [found, setFound] = useState<readonly AddressSeen[]>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: one request per name
  useEffect(() => {
    backend.addresses(name, store.token).then(all => {
      setFound(all);
      onChange(all[0]?.address ?? "");
    }, onProblem);
  }, [backend, store, name]);
  if (!found) return <p class="hint">{t.loading}</p>;
  if (found.length === 0) return <p class="hint">{t.noAddress}</p>;
  return (
    <label class="field">
      <span>{t.from}</span>
      <select value={address} onChange={event => onChange(event.currentTarget.value)}>
        {found.map(one => (
          <option key={one.address} value={one.address}>
            {t.addressSeen(one.address, formatMessageTime(one.at))}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The dialog in which a moderator acts on a user or a message. */
export default function ModerateDialog({ onClose }: { readonly onClose: () => void }) {
  const { backend, store } = useApp();
  // The target stays the same while the dialog closes.
  const [target] = useState(() => moderationTarget.peek());
  const t = moderationDictionary.value;
  const removable = target?.message !== undefined && !target.message.removed;
  const isOwn = target?.user.id === store.chat.value.me?.id;
  const actions: readonly ModerationAction[] = [
    ...(removable ? ["remove" as const] : []),
    ...(isOwn ? [] : (["mute", "ban", "address"] as const)),
  ];
  const [action, setAction] = useState<ModerationAction | undefined>(actions[0]);
  const [seconds, setSeconds] = useState(DEFAULT_DURATION);
  const [reason, setReason] = useState("");
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const fail = (error: unknown) => setProblem(error instanceof ApiError ? error.problem : "unreachable");
  if (!target || !action) return null;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const moderation = toModeration(target, { action, address, restriction: { seconds, reason } });
      await backend.moderate(moderation, store.token);
      announce(t.done[action]);
      onClose();
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title={dictionary.value.chat.moderate(target.user.name)} onClose={onClose}>
      {removable && (
        <blockquote class="moderation-quote" dir="auto">
          {target.message?.text}
        </blockquote>
      )}
      {!isOwn && <ActiveRestrictions name={target.user.name} />}
      <form class="form" onSubmit={submit} noValidate>
        <fieldset class="moderation-actions">
          <legend>{t.what}</legend>
          {actions.map(one => (
            <label key={one} class="check">
              <input type="radio" name="action" checked={one === action} onChange={() => setAction(one)} />
              <span>{t.actions[one]}</span>
            </label>
          ))}
        </fieldset>
        {action === "address" && (
          <AddressField name={target.user.name} address={address} onChange={setAddress} onProblem={fail} />
        )}
        {action !== "remove" && <DurationField value={seconds} onChange={setSeconds} />}
        <ReasonField
          value={reason}
          onChange={setReason}
          label={action === "remove" ? t.reasonKept : t.reason}
        />
        <p class="hint">{t.hints[action]}</p>
        <ProblemLine problem={problem} />
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {dictionary.value.cancel}
          </button>
          <button
            type="submit"
            class="button danger solid"
            disabled={busy || (action === "address" && !address)}
          >
            {t.confirm[action]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
