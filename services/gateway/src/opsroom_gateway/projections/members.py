"""The members of the chat, read once for this process; joins and leaves are sent to readers."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from opsroom_contracts.chat.frames import JoinedFrame, LeftFrame
from opsroom_contracts.chat.models import MEMBER, Member, MemberStatus
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.text import NameIndex
from opsroom_gateway.domain.user_list import UserList
from opsroom_gateway.fanout.paced_broadcaster import PacedBroadcaster
from opsroom_gateway.projections.sightings import Sightings
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_LISTED = frozenset({MemberStatus.PRESENT, MemberStatus.LINGERING})

log = logging.getLogger(__name__)

Watcher = Callable[[Member, int], None]
"""Called with each changed record and its sequence."""
RebuildWatcher = Callable[[bool], None]
"""Called when all records were read again. The argument: whether the stream is another one than before."""


class MemberProjection:
    """Applies members' records. After a restart of the stream it builds a second view and compares."""

    def __init__(self) -> None:
        self.readers = PacedBroadcaster()
        self.users = UserList()
        """The members on the user list."""
        self.malformed = 0
        self.sightings = Sightings()
        self._members: dict[str, Member] = {}
        self._sequences: dict[str, int] = {}
        self._names: NameIndex[str] = NameIndex()
        self._building: dict[str, tuple[Member, int, datetime]] | None = None
        self._renewed = False
        self._watchers: list[Watcher] = []
        self._rebuild_watchers: list[RebuildWatcher] = []

    def watch_rebuilds(self, watcher: RebuildWatcher) -> None:
        """Call ``watcher`` whenever all records were read again, after the changes were published."""
        self._rebuild_watchers.append(watcher)

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher`` after every change, also of members who are not on the user list."""
        self._watchers.append(watcher)

    def member(self, user_id: str) -> Member | None:
        """Return a member's last record."""
        return self._members.get(user_id)

    def find(self, user_id: str) -> Member | None:
        """Return a member's last record, also if they are away and can come back."""
        return self._members.get(user_id) or self.sightings.find(user_id)

    def members(self) -> list[Member]:
        """Return the last record of every member."""
        return list(self._members.values())

    def has_name(self, name: str) -> bool:
        """Return whether a member holds ``name``, or one that looks the same."""
        return bool(self._names.find(name))

    def on_restart(self, restart: Restart) -> None:
        """Continue, or build a second view, which replaces the present one when complete."""
        self._building = {} if restart.reset else None
        self._renewed = self._renewed or restart.renewed

    def on_message(self, message: StreamMessage) -> None:
        """Apply one record. Records that violate their contract are skipped, counted and logged."""
        try:
            member = MEMBER.read(message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        if self._building is not None:
            self._building[member.user.id] = (member, message.seq, message.at)
        else:
            self._change(member, message.seq, message.at)

    def on_synced(self) -> None:
        """Compare the second view with the present one, and publish the differences."""
        if self._building is None:
            return
        fresh, self._building = self._building, None
        renewed, self._renewed = self._renewed, False
        for user_id in [known for known in self._members if known not in fresh]:
            self._forget(user_id)
        for member, seq, at in fresh.values():
            # In another stream, the same sequence can be another record.
            if self._sequences.get(member.user.id) != seq or self._members.get(member.user.id) != member:
                self._change(member, seq, at)
        for watcher in self._rebuild_watchers:
            watcher(renewed)

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost the record of a member."""
        return any(seq < first_seq for seq in self._sequences.values())

    def _change(self, member: Member, seq: int, at: datetime) -> None:
        user_id = member.user.id
        before = self._members.get(user_id)
        self.sightings.put(member, before, at)
        if before is not None and before.user.name != member.user.name:
            self._names.discard(before.user.name, user_id)
        was_listed = before is not None and before.status in _LISTED
        is_listed = member.status in _LISTED
        if member.status is MemberStatus.AWAY:
            self._members.pop(user_id, None)
            self._sequences.pop(user_id, None)
            self._names.discard(member.user.name, user_id)
        else:
            self._members[user_id] = member
            self._sequences[user_id] = seq
            if before is None or before.user.name != member.user.name:
                self._names.add(member.user.name, user_id)
        if is_listed:
            self.users.put(member.user, member.joined_at)
        else:
            self.users.remove(user_id)
        if is_listed and not was_listed:
            self.readers.publish(text_frame(encode(JoinedFrame(user=member.user))))
        elif was_listed and not is_listed:
            self.readers.publish(text_frame(encode(LeftFrame(user=member.user))))
        for watcher in self._watchers:
            watcher(member, seq)

    def _forget(self, user_id: str) -> None:
        gone = self._members[user_id].model_copy(update={"status": MemberStatus.AWAY, "connections": ()})
        self._change(gone, 0, self.sightings.last(user_id) or datetime.fromtimestamp(0, UTC))
