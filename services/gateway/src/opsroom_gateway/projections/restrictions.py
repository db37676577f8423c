"""Mutes and bans, followed once for this process."""

import logging
from collections.abc import Callable
from datetime import datetime

from opsroom_contracts.codec import ContractError
from opsroom_contracts.moderation import RESTRICTION, Restriction
from opsroom_contracts.restrictions import Restrictions
from opsroom_contracts.subjects import restriction_subject
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_messaging.jetstream.stream_subscription import StreamHandler

_PREFIX = restriction_subject("")

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Watcher = Callable[[Restriction], None]
"""Called with each restriction that is new or changed; one that is over says so."""


class RestrictionProjection:
    """Takes in the records; a fresh start is taken in aside and compared when it is complete."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.malformed = 0
        self._restrictions = Restrictions()
        self._building: Restrictions | None = None
        self._watchers: list[Watcher] = []

    @property
    def restrictions(self) -> Restrictions:
        """All that there are, as far as this process has heard."""
        return self._restrictions

    def watch(self, watcher: Watcher) -> None:
        """Have ``watcher`` called after every change."""
        self._watchers.append(watcher)

    def on_restart(self, *, fresh: bool) -> None:
        """Build aside what begins anew."""
        self._building = Restrictions() if fresh else None

    def on_message(self, message: StreamMessage) -> None:
        """Take in one record; what does not fit its contract is skipped, counted and logged."""
        try:
            restriction = RESTRICTION.read(message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        if self._building is not None:
            self._building.put(restriction, message.seq, self.clock())
        elif self._restrictions.put(restriction, message.seq, self.clock()):
            self._notify(restriction)

    def on_synced(self) -> None:
        """Put what was built aside in place, and tell the difference."""
        if self._building is None:
            return
        now = self.clock()
        before = {one.id: one for one in self._restrictions.in_force(now)}
        self._restrictions, self._building = self._building, None
        for restriction in self._restrictions.in_force(now):
            if before.pop(restriction.id, None) != restriction:
                self._notify(restriction)
        for gone in before.values():
            self._notify(gone.model_copy(update={"lifted": True}))

    def _notify(self, restriction: Restriction) -> None:
        for watcher in self._watchers:
            watcher(restriction)


class MembersAndRestrictions:
    """The two that one stream tells of. Bans come first: what follows from one must find it there."""

    def __init__(self, members: StreamHandler, restrictions: RestrictionProjection) -> None:
        self._members = members
        self._restrictions = restrictions

    def on_restart(self, *, fresh: bool) -> None:
        """Both begin."""
        self._restrictions.on_restart(fresh=fresh)
        self._members.on_restart(fresh=fresh)

    def on_message(self, message: StreamMessage) -> None:
        """One of them takes it in."""
        sink = self._restrictions if message.subject.startswith(_PREFIX) else self._members
        sink.on_message(message)

    def on_synced(self) -> None:
        """Both have."""
        self._restrictions.on_synced()
        self._members.on_synced()
