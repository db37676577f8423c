"""The projections of the stream ``MEMBERS``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from opsroom_gateway.projections.followed_threads import FollowedThreadsProjection
from opsroom_gateway.projections.members import MemberProjection
from opsroom_gateway.projections.notification_settings import NotificationSettingsProjection
from opsroom_gateway.projections.read_positions import ReadPositions
from opsroom_gateway.projections.restrictions import RestrictionProjection
from opsroom_gateway.projections.rooms import RoomProjection
from opsroom_messaging.jetstream.stream_handler import Restart, StreamHandler
from opsroom_messaging.jetstream.stream_reader import StreamMessage

SequenceWatcher = Callable[[int], None]
"""Called with the sequence of each record, once it is applied."""


@dataclass(frozen=True, slots=True)
class OfPeople:
    """Projections of records that only their person's sockets are notified of."""

    notifications: NotificationSettingsProjection
    threads: FollowedThreadsProjection


class MembersStream:
    """Passes each record on to its projection. Members come last: their watchers may look up the others."""

    def __init__(
        self,
        members: MemberProjection,
        restrictions: RestrictionProjection,
        rooms: RoomProjection,
        reads: ReadPositions,
        of_people: OfPeople,
    ) -> None:
        """``of_people``: records of what single people have chosen."""
        self._members = members
        self._others = (restrictions, rooms, reads, of_people.notifications, of_people.threads)
        self._all: tuple[StreamHandler, ...] = (*self._others, members)
        self._watchers: list[SequenceWatcher] = []
        self.seq = 0
        """The last sequence of which everything up to it is applied; 0 while the records are read again."""
        self._last = 0
        self._synced = False

    def watch(self, watcher: SequenceWatcher) -> None:
        """Call ``watcher`` when more is applied."""
        self._watchers.append(watcher)

    def on_restart(self, restart: Restart) -> None:
        """Pass on to all."""
        if restart.reset:
            self._synced, self.seq = False, 0
        for projection in self._all:
            projection.on_restart(restart)

    def on_message(self, message: StreamMessage) -> None:
        """Pass on to the projection that the subject belongs to."""
        projection: StreamHandler = self._members
        for other in self._others:
            if other.is_mine(message.subject):
                projection = other
        projection.on_message(message)
        self._last = message.seq
        if self._synced:
            self._advance()

    def on_synced(self) -> None:
        """Pass on to all."""
        for projection in self._all:
            projection.on_synced()
        self._synced = True
        self._advance()

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:
        """Start over if one of them must."""
        return any(projection.on_trimmed(first_seq, horizon) for projection in self._all)

    def _advance(self) -> None:
        self.seq = self._last
        for watcher in self._watchers:
            watcher(self.seq)
