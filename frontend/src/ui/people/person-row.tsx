import { useState } from "preact/hooks";
import type { Person, Restriction } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { formatMessageTime } from "../../text/format";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { BotBadge } from "../chat/bot-badge";
import { moderationTarget } from "../chat/moderation/moderate-button";
import { Dialog } from "../dialog";
import { hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { Time } from "../time";
import { peopleDictionary } from "./people-dictionary";

interface PersonRowProps {
  readonly person: Person;
  readonly restrictions: readonly Restriction[];
  readonly onSignOut: (person: Person) => void;
}

function Seen({ person }: { readonly person: Person }) {
  const t = peopleDictionary.value;
  if (person.present)
    return (
      <>
        <span class="dot" data-state="running" aria-hidden="true" /> {t.hereNow}
      </>
    );
  if (person.pending) return t.invited;
  return person.seenAt === undefined ? t.never : <Time at={person.seenAt} format={formatMessageTime} />;
}

function SignOutButton({ person, onSignOut }: Omit<PersonRowProps, "restrictions">) {
  const t = peopleDictionary.value;
  const [isAsking, setIsAsking] = useState(false);
  const label = unmarked(t.signOut(person.name));
  const close = () => setIsAsking(false);
  return (
    <>
      <button type="button" class="tool" aria-label={label} title={label} onClick={() => setIsAsking(true)}>
        <span class="icon icon-sign-out" aria-hidden="true" />
      </button>
      {isAsking && (
        <Dialog title={t.signOut(person.name)} onClose={close}>
          <p>{t.signOutHint}</p>
          <div class="dialog-actions">
            <button type="button" class="button quiet" onClick={close}>
              {dictionary.value.cancel}
            </button>
            <button
              type="button"
              class="button danger solid"
              onClick={() => {
                close();
                onSignOut(person);
              }}
            >
              {dictionary.value.access.signOut}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

/** One person: who they are, what they may do, where they are signed in, and what is restricted. */
export function PersonRow({ person, restrictions, onSignOut }: PersonRowProps) {
  const { store } = useApp();
  const t = peopleDictionary.value;
  const { id, name, role, credential, until, owner, devices, connections } = person;
  const isOwn = id !== undefined && id === store.chat.value.me?.id;
  const restrictLabel = unmarked(t.restrict(name));
  return (
    <tr>
      <th scope="row">
        <span class="people-person">
          <Avatar user={{ name }} />
          <a href={hrefs.person(name)}>
            <bdi>{name}</bdi>
          </a>
          {isOwn && <span class="hint">{t.you}</span>}
          <BotBadge id={id ?? ""} />
        </span>
      </th>
      <td>
        {role ? t.roles[role] : t.noRole}
        <span class="people-note">
          {credential ? t.signedInBy[credential] : t.guest}
          {owner && `, ${t.ownedBy(owner)}`}
          {until && `, ${t.until(formatMessageTime(until))}`}
        </span>
      </td>
      <td>
        <Seen person={person} />
      </td>
      <td>
        {devices > 0 && t.devices(devices)}
        {connections > 0 && <span class="people-note">{t.connections(connections)}</span>}
      </td>
      <td class="people-state">
        {restrictions.map(one => (
          <span key={one.id} class="problem">
            {(one.kind === "mute" ? t.muted : t.banned)(one.until ? formatMessageTime(one.until) : "")}
          </span>
        ))}
      </td>
      <td class="people-tools">
        {!isOwn && (
          <button
            type="button"
            class="tool"
            aria-label={restrictLabel}
            title={restrictLabel}
            onClick={() => {
              moderationTarget.value = { user: { id: id ?? "", name } };
            }}
          >
            <span class="icon icon-mute" aria-hidden="true" />
          </button>
        )}
        {/* A bot without its token is removed, in the list of bots. */}
        {!isOwn && credential !== "bot" && devices > 0 && (
          <SignOutButton person={person} onSignOut={onSignOut} />
        )}
      </td>
    </tr>
  );
}
