import { useState } from "preact/hooks";
import type { RoomMember } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { ROOM, type RoomState } from "../../state/chat/model";
import { isCreatedRoom } from "../../state/chat/rooms";
import { useApp } from "../app-context";
import { Avatar } from "../chat/avatar";
import { Lazy } from "../lazy";
import { RoomLevelChoice } from "../notifications/room-level";
import { goTo, hrefs } from "../place";
import { dictionary } from "../settings/preferences";
import { InviteDialog } from "./invite-dialog";
import { LeaveDialog } from "./leave-dialog";
import { RoomForm } from "./room-form";
import { roomLabel } from "./room-label";
import { roomsDictionary } from "./rooms-dictionary";
import { type RoomAction, useRoomAction } from "./use-action";
import { type Members, useMembers } from "./use-members";

const loadPins = () => import(/* webpackChunkName: "thread" */ "../chat/thread/pinned-list");

type PanelDialog = "invite" | "edit" | "leave";

interface MemberRowProps {
  readonly member: RoomMember;
  /** Removes the member; absent if the user may not. */
  readonly onExpel?: (() => void) | undefined;
}

function MemberRow({ member: { user, role }, onExpel }: MemberRowProps) {
  const { me, users } = useApp().store.chat.value;
  const t = roomsDictionary.value;
  const isHere = users.some(one => one.id === user.id);
  return (
    <li class="room-member">
      <Avatar user={user} />
      <a href={hrefs.person(user.name)}>
        <bdi>{user.name}</bdi>
      </a>
      {user.id === me?.id && <span class="own-mark">{t.you}</span>}
      {role === "owner" && <span class="hint">{t.owner}</span>}
      <span
        class="dot"
        data-state={isHere ? "running" : "stopped"}
        role="img"
        aria-label={isHere ? t.here : t.away}
      />
      {onExpel && (
        <button
          type="button"
          class="tool"
          aria-label={unmarked(t.expel(user.name))}
          title={unmarked(t.expel(user.name))}
          onClick={onExpel}
        >
          <span class="icon icon-close" aria-hidden="true" />
        </button>
      )}
    </li>
  );
}

interface MemberListProps {
  readonly state: RoomState;
  readonly mayChange: boolean;
  readonly action: RoomAction;
  readonly members: Members;
}

function MemberList({ state, mayChange, action, members: { members, reload } }: MemberListProps) {
  const { me } = useApp().store.chat.value;
  const t = roomsDictionary.value;
  const expel = (userId: string) =>
    void action.run((api, token) => api.expel(state.room.id, userId, token)).then(reload);
  const hidden = members ? Math.max(0, (state.members ?? 0) - members.length) : 0;
  return (
    <>
      <h2>
        {t.membersTitle} {members && <span class="hint">{members.length + hidden}</span>}
      </h2>
      {!members && <p class="hint">{t.loading}</p>}
      <ul class="room-members" aria-label={t.membersTitle}>
        {members?.map(member => (
          <MemberRow
            key={member.user.id}
            member={member}
            onExpel={
              mayChange && state.room.kind !== "direct" && member.user.id !== me?.id
                ? () => expel(member.user.id)
                : undefined
            }
          />
        ))}
      </ul>
      {hidden > 0 && <p class="hint">{t.more(hidden)}</p>}
    </>
  );
}

interface ActionsProps {
  readonly state: RoomState;
  readonly mayChange: boolean;
  readonly action: RoomAction;
  readonly onDialog: (dialog: PanelDialog) => void;
}

function Actions({ state: { room }, mayChange, action, onDialog }: ActionsProps) {
  const t = roomsDictionary.value;
  const archive = () =>
    void action.run((api, token) => api.change(room.id, { archived: !room.archived }, token));
  const leave = async () => {
    // Only a member can invite again.
    if (room.kind === "private") return onDialog("leave");
    const done = await action.run(async (api, token) => {
      await api.leave(room.id, token);
      return true;
    });
    if (done) goTo(hrefs.room(ROOM));
  };
  return (
    <p class="room-actions">
      {!room.archived && (
        <button type="button" class="button small" onClick={() => onDialog("invite")}>
          {t.invite}
        </button>
      )}
      {mayChange && (
        <button type="button" class="button small" onClick={() => onDialog("edit")}>
          {t.edit}
        </button>
      )}
      {mayChange && (
        <button type="button" class="button small" onClick={archive}>
          {room.archived ? t.unarchive : t.archive}
        </button>
      )}
      <button type="button" class="button small danger" onClick={() => void leave()}>
        {t.leave}
      </button>
    </p>
  );
}

/** The right panel about a room: what it is for, who is in it, and what the user may do with it. */
export default function DetailsPanel({ state }: { readonly state: RoomState }) {
  const { store } = useApp();
  const { me } = store.chat.value;
  const { room, role } = state;
  const t = roomsDictionary.value;
  const action = useRoomAction();
  const isCreated = isCreatedRoom(room.id);
  const members = useMembers(state, isCreated);
  const [dialog, setDialog] = useState<PanelDialog>();
  const closeDialog = () => setDialog(undefined);
  // Moderators may change public rooms. Until the permissions are known, nothing is offered.
  const mayModerate = store.access.view.value?.may.includes("moderate") ?? false;
  const mayChange = role === "owner" || (mayModerate && room.kind === "public");
  const close = hrefs.room(room.id);
  return (
    <aside
      class="panel"
      aria-label={t.details}
      onKeyDown={event => {
        if (event.key === "Escape" && !dialog) goTo(close);
      }}
    >
      <header class="pane-head">
        <h1>
          <bdi>{roomLabel(state, me)}</bdi>
        </h1>
        <a class="tool panel-close" data-escape href={close} title={t.close}>
          <span class="icon icon-close" aria-hidden="true" />
          <span class="visually-hidden">{t.close}</span>
        </a>
      </header>
      <div class="panel-body">
        {room.kind !== "direct" && (
          <p class={room.description ? "room-about" : "hint"} dir="auto">
            {room.description ?? (isCreated ? t.noDescription : t.everybody)}
          </p>
        )}
        {room.archived && <p class="hint">{dictionary.value.chat.archived}</p>}
        {isCreated && room.kind !== "direct" && (
          <Actions state={state} mayChange={mayChange} action={action} onDialog={setDialog} />
        )}
        <p class="problem" role="alert">
          {action.problem?.text}
        </p>
        <RoomLevelChoice room={room.id} isDirect={room.kind === "direct"} />
        <Lazy load={loadPins} props={{ room: room.id }} />
        {isCreated ? (
          <MemberList state={state} mayChange={mayChange} action={action} members={members} />
        ) : (
          room.id === ROOM || <p class="hint">{t.everybody}</p>
        )}
      </div>
      {dialog === "edit" && <RoomForm room={room} onClose={closeDialog} />}
      {dialog === "leave" && <LeaveDialog room={room} onClose={closeDialog} />}
      {dialog === "invite" && (
        <InviteDialog
          room={room}
          members={members.members ?? []}
          onDone={members.reload}
          onClose={closeDialog}
        />
      )}
    </aside>
  );
}
