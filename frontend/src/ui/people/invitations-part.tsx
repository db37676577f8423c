import type { Invitation } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { formatMessageTime } from "../../text/format";
import { Sentence } from "../sentence";
import { peopleDictionary } from "./people-dictionary";

interface InvitationsPartProps {
  readonly invitations: readonly Invitation[];
  readonly onWithdraw: (invitation: Invitation) => void;
}

/** The invitations that nobody has used yet. */
export function InvitationsPart({ invitations, onWithdraw }: InvitationsPartProps) {
  const t = peopleDictionary.value;
  return (
    <section class="people-invitations" aria-label={t.pending}>
      <h2>{t.pending}</h2>
      {invitations.length === 0 && <p class="hint">{t.noPending}</p>}
      <ul>
        {invitations.map(one => (
          <li key={one.id}>
            <strong>
              <bdi>{one.name}</bdi>
            </strong>
            <span>{t.roles[one.role]}</span>
            <span class="hint">
              <Sentence text={t.by(one.by, formatMessageTime(one.until))} />
            </span>
            <button
              type="button"
              class="button small"
              aria-label={unmarked(t.withdrawOf(one.name))}
              onClick={() => onWithdraw(one)}
            >
              {t.withdraw}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
