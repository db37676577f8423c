import { useEffect, useState } from "preact/hooks";
import type { Moderation } from "../../api/backend";
import { RefusedError } from "../../api/errors";
import type { Sighting } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { announce } from "../announcer";
import { Dialog } from "../dialog";
import { language, words } from "../preferences";
import { useLive } from "../session-context";
import { type Concerned, concerned } from "./moderate-button";
import { moderationWords } from "./moderation-words";
import { asAsked, FIRST_SPAN, type Problem, ProblemLine, ReasonField, SpanField, type Terms } from "./terms";
import { useRestrictions } from "./use-restrictions";

type Deed = "remove" | "mute" | "ban" | "address";

const sameName = (one: string, other: string | undefined) =>
  one.normalize("NFKC").toLowerCase() === other?.normalize("NFKC").toLowerCase();

interface Asked {
  readonly deed: Deed;
  readonly address: string;
  readonly terms: Terms;
}

function moderationOf({ user, message }: Concerned, { deed, address, terms }: Asked): Moderation {
  const asked = asAsked(terms);
  if (deed === "remove" && message) {
    const why = asked.reason ? { reason: asked.reason } : {};
    return { kind: "remove", room: message.room, id: message.id, ...why };
  }
  if (deed === "address") return { kind: "ban", address, ...asked };
  return deed === "ban"
    ? { kind: "ban", name: user.name, ...asked }
    : { kind: "mute", name: user.name, ...asked };
}

/** What holds against a person already, each with a button that lifts it. */
function InForce({ name }: { readonly name: string }) {
  const t = moderationWords[language.value];
  const { restrictions, problem, lift } = useRestrictions();
  return (
    <>
      {restrictions
        ?.filter(one => sameName(name, one.name))
        .map(one => (
          <p key={one.id} class="moderation-held">
            {t.held(one.kind, one.until && formatMessageTime(one.until))}{" "}
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

/** From where the person came; asked for only when an address is to be banned, as asking is audited. */
function AddressField({ name, address, onChange, onProblem }: AddressProps) {
  const { session } = useLive();
  const t = moderationWords[language.value];
  const [found, setFound] = useState<readonly Sighting[]>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each name
  useEffect(() => {
    session.moderator.addresses(name).then(all => {
      setFound(all);
      onChange(all[0]?.address ?? "");
    }, onProblem);
  }, [session, name]);
  if (!found) return <p class="hint">{t.loading}</p>;
  if (found.length === 0) return <p class="hint">{t.fromNowhere}</p>;
  return (
    <label class="field">
      <span>{t.from}</span>
      <select value={address} onChange={event => onChange(event.currentTarget.value)}>
        {found.map(one => (
          <option key={one.address} value={one.address}>
            {t.lastThere(one.address, formatMessageTime(one.at))}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Asks an admin what is to be done about a person or a message, and does it once that is confirmed. */
export default function ModerateDialog({ onClose }: { readonly onClose: () => void }) {
  const { session } = useLive();
  // What it is about stays the same while it closes.
  const [about] = useState(() => concerned.peek());
  const t = moderationWords[language.value];
  const removable = about?.message !== undefined && !about.message.removed;
  const isOwn = about?.user.id === session.chat.value.me?.id;
  const deeds: readonly Deed[] = [
    ...(removable ? ["remove" as const] : []),
    ...(isOwn ? [] : (["mute", "ban", "address"] as const)),
  ];
  const [deed, setDeed] = useState<Deed | undefined>(deeds[0]);
  const [seconds, setSeconds] = useState(FIRST_SPAN);
  const [reason, setReason] = useState("");
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const fail = (error: unknown) => setProblem(error instanceof RefusedError ? error.problem : "unreachable");
  if (!about || !deed) return null;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      const asked = moderationOf(about, { deed, address, terms: { seconds, reason } });
      await session.moderator.moderate(asked);
      announce(t.done[deed]);
      onClose();
    } catch (error) {
      fail(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title={words.value.chat.moderate(about.user.name)} onClose={onClose}>
      {removable && <blockquote class="moderation-quote">{about.message?.text}</blockquote>}
      {!isOwn && <InForce name={about.user.name} />}
      <form class="form" onSubmit={submit} noValidate>
        <fieldset class="moderation-deeds">
          <legend>{t.what}</legend>
          {deeds.map(one => (
            <label key={one} class="check">
              <input type="radio" name="deed" checked={one === deed} onChange={() => setDeed(one)} />
              <span>{t.deeds[one]}</span>
            </label>
          ))}
        </fieldset>
        {deed === "address" && (
          <AddressField name={about.user.name} address={address} onChange={setAddress} onProblem={fail} />
        )}
        {deed !== "remove" && <SpanField value={seconds} onChange={setSeconds} />}
        <ReasonField
          value={reason}
          onChange={setReason}
          label={deed === "remove" ? t.reasonKept : t.reason}
        />
        <p class="hint">{t.hints[deed]}</p>
        <ProblemLine problem={problem} />
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {words.value.cancel}
          </button>
          <button
            type="submit"
            class="button danger solid"
            disabled={busy || (deed === "address" && !address)}
          >
            {t.confirm[deed]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
