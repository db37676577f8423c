import { useRef, useState } from "preact/hooks";
import type { Restriction } from "../../../contract/generated";
import type { ModerationDictionary } from "../../../i18n/moderation.en";
import { formatMessageTime } from "../../../text/format";
import { comparable } from "../../../text/typed";
import { announce } from "../../announcer";
import { useApp } from "../../app-context";
import { Dialog } from "../../dialog";
import { useRovingFocus } from "../../list/roving-focus";
import { Sentence } from "../../sentence";
import { moderationDictionary } from "./moderation-dictionary";
import {
  DEFAULT_DURATION,
  DurationField,
  ProblemLine,
  ReasonField,
  toRestrictionDetails,
} from "./restriction-fields";
import { type Restrictions, useRestrictions } from "./use-restrictions";

/** Show the search field for lists longer than this. */
const SEARCH_FROM = 8;

const targetOf = ({ name, address }: Restriction): string => name ?? address ?? "";

/** Whether what the list shows of a restriction contains a text. */
function matches(t: ModerationDictionary, one: Restriction, wanted: string): boolean {
  const shown = [targetOf(one), stateOf(t, one), one.reason ?? "", t.by(one.by, formatMessageTime(one.at))];
  return comparable(shown.join("\n")).includes(comparable(wanted));
}

const stateOf = (t: ModerationDictionary, { kind, until }: Restriction): string =>
  t.active(kind, until && formatMessageTime(until));

function Row({ one, lift }: { readonly one: Restriction; readonly lift: Restrictions["lift"] }) {
  const t = moderationDictionary.value;
  const [busy, setBusy] = useState(false);
  return (
    <li class="restriction" tabIndex={-1}>
      <p class="restriction-whom">
        <bdi>{targetOf(one)}</bdi>
        <button
          type="button"
          class="button small"
          aria-label={t.liftOf(targetOf(one))}
          disabled={busy}
          onClick={async () => {
            setBusy(true);
            await lift(one);
            setBusy(false);
          }}
        >
          {t.lift}
        </button>
      </p>
      <p>{stateOf(t, one)}</p>
      {one.reason && (
        <p class="restriction-why" dir="auto">
          {one.reason}
        </p>
      )}
      <p class="hint">
        <Sentence text={t.by(one.by, formatMessageTime(one.at))} />
      </p>
    </li>
  );
}

interface ListProps extends Pick<Restrictions, "lift"> {
  readonly restrictions: readonly Restriction[];
}

function Rows({ restrictions, lift }: ListProps) {
  const list = useRef<HTMLUListElement>(null);
  useRovingFocus(list);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable areas must be reachable by keyboard
    <ul ref={list} class="restriction-list" tabIndex={0} aria-label={moderationDictionary.value.list}>
      {restrictions.map(one => (
        <Row key={one.id} one={one} lift={lift} />
      ))}
    </ul>
  );
}

function List({ restrictions, lift }: ListProps) {
  const t = moderationDictionary.value;
  const [wanted, setWanted] = useState("");
  const shown = restrictions.filter(one => matches(t, one, wanted));
  return (
    <>
      {restrictions.length > SEARCH_FROM && (
        <input
          type="search"
          dir="auto"
          value={wanted}
          placeholder={t.find}
          aria-label={t.find}
          onInput={event => setWanted(event.currentTarget.value)}
        />
      )}
      {shown.length === 0 && <p class="hint">{wanted ? t.noMatch : t.nothing}</p>}
      {shown.length > 0 && <Rows restrictions={shown} lift={lift} />}
    </>
  );
}

/** A form to ban an address that is known from elsewhere, such as the audit log. */
function BanAddress({ attempt }: Pick<Restrictions, "attempt">) {
  const { backend, store } = useApp();
  const t = moderationDictionary.value;
  const [address, setAddress] = useState("");
  const [seconds, setSeconds] = useState(DEFAULT_DURATION);
  const [reason, setReason] = useState("");
  const sending = useRef(false);
  const ban = async (event: SubmitEvent) => {
    event.preventDefault();
    // One press is one ban.
    if (sending.current) return;
    const action = {
      kind: "ban" as const,
      address: address.trim(),
      ...toRestrictionDetails({ seconds, reason }),
    };
    if (!action.address) return;
    sending.current = true;
    const isDone = await attempt(() => backend.moderate(action, store.token));
    sending.current = false;
    if (!isDone) return;
    announce(t.done.address);
    setAddress("");
    setReason("");
  };
  return (
    <details class="restriction-new">
      <summary>{t.actions.address}</summary>
      <form class="form" onSubmit={ban} noValidate>
        <label class="field">
          <span>{t.newAddress}</span>
          <input
            value={address}
            maxLength={64}
            spellcheck={false}
            autocomplete="off"
            onInput={event => setAddress(event.currentTarget.value)}
          />
        </label>
        <p class="hint">{t.addressHint}</p>
        <DurationField value={seconds} onChange={setSeconds} />
        <ReasonField value={reason} onChange={setReason} label={t.reason} />
        <p class="hint">{t.hints.address}</p>
        <button type="submit" class="button danger solid" disabled={!address.trim()}>
          {t.confirm.address}
        </button>
      </form>
    </details>
  );
}

/** The dialog in which moderators list and lift mutes and bans, and ban addresses. */
export default function RestrictionsDialog({ onClose }: { readonly onClose: () => void }) {
  const t = moderationDictionary.value;
  const { restrictions, problem, lift, attempt } = useRestrictions();
  return (
    <Dialog title={t.list} onClose={onClose}>
      <div class="form">
        {!restrictions && !problem && <p class="hint">{t.loading}</p>}
        {restrictions && <List restrictions={restrictions} lift={lift} />}
        <ProblemLine problem={problem} />
        <BanAddress attempt={attempt} />
        <div class="dialog-actions">
          <button type="button" class="button quiet" onClick={onClose}>
            {t.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
