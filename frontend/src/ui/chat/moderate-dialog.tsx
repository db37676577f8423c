import { useEffect, useId, useState } from "preact/hooks";
import type { Moderation } from "../../api/backend";
import { RefusedError } from "../../api/errors";
import type { ErrorCode, Restriction } from "../../contract/generated";
import { formatMessageTime } from "../../text/format";
import { announce } from "../announcer";
import { Dialog } from "../dialog";
import { language, words } from "../preferences";
import { useLive } from "../session-context";
import { type Concerned, concerned } from "./moderate-button";
import { moderationWords } from "./moderation-words";

type Deed = "remove" | "mute" | "ban";

const HOUR = 3_600;
const SPANS: readonly number[] = [600, HOUR, 24 * HOUR, 7 * 24 * HOUR];
const REASON_MAX = 200;

const sameName = (one: string, other: string | undefined) =>
  one.normalize("NFKC").toLowerCase() === other?.normalize("NFKC").toLowerCase();

interface Asked {
  readonly deed: Deed;
  readonly seconds: number;
  readonly reason: string;
}

function moderationOf({ user, message }: Concerned, { deed, seconds, reason }: Asked): Moderation {
  const why = reason.trim() ? { reason: reason.trim() } : {};
  if (deed === "remove" && message) return { kind: "remove", room: message.room, id: message.id, ...why };
  const kind = deed === "ban" ? "ban" : "mute";
  return { kind, name: user.name, ...(seconds ? { seconds } : {}), ...why };
}

/** What holds against a person already, each with a button that lifts it. */
function InForce({
  name,
  onProblem,
}: {
  readonly name: string;
  readonly onProblem: (error: unknown) => void;
}) {
  const { session } = useLive();
  const t = moderationWords[language.value];
  const [found, setFound] = useState<readonly Restriction[]>([]);
  useEffect(() => {
    session.restrictions().then(all => setFound(all.filter(one => sameName(name, one.name))), onProblem);
  }, [session, name, onProblem]);
  const lift = async (one: Restriction) => {
    try {
      await session.moderate({ kind: "lift", id: one.id });
      setFound(rest => rest.filter(({ id }) => id !== one.id));
      announce(t.lifted);
    } catch (error) {
      onProblem(error);
    }
  };
  return (
    <>
      {found.map(one => (
        <p key={one.id} class="moderation-held">
          {t.held(one.kind, one.until && formatMessageTime(one.until))}{" "}
          <button type="button" class="link-button" onClick={() => void lift(one)}>
            {t.lift}
          </button>
        </p>
      ))}
    </>
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
    ...(isOwn ? [] : (["mute", "ban"] as const)),
  ];
  const [deed, setDeed] = useState<Deed | undefined>(deeds[0]);
  const [seconds, setSeconds] = useState(SPANS[0] ?? 0);
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const [busy, setBusy] = useState(false);
  const problemId = useId();
  const [fail] = useState(
    () => (error: unknown) => setProblem(error instanceof RefusedError ? error.code : "unreachable"),
  );
  if (!about || !deed) return null;

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      await session.moderate(moderationOf(about, { deed, seconds, reason }));
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
      {!isOwn && <InForce name={about.user.name} onProblem={fail} />}
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
        {deed !== "remove" && (
          <label class="field">
            <span>{t.howLong}</span>
            <select value={seconds} onChange={event => setSeconds(Number(event.currentTarget.value))}>
              {SPANS.map(span => (
                <option key={span} value={span}>
                  {t.span(span)}
                </option>
              ))}
              <option value={0}>{t.untilLifted}</option>
            </select>
          </label>
        )}
        <label class="field">
          <span>{deed === "remove" ? t.reasonKept : t.reason}</span>
          <input
            value={reason}
            maxLength={REASON_MAX}
            aria-describedby={problemId}
            onInput={event => setReason(event.currentTarget.value)}
          />
        </label>
        <p class="hint">{t.hints[deed]}</p>
        <p id={problemId} class="problem" role="alert">
          {problem && words.value.error(problem)}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {words.value.cancel}
          </button>
          <button type="submit" class="button danger solid" disabled={busy}>
            {t.confirm[deed]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
