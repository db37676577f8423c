"""Mutes and bans, read once for this process."""

import logging
from collections.abc import Callable
from datetime import datetime

from opsroom_contracts.chat.moderation import RESTRICTION, RestrictionRecord
from opsroom_contracts.chat.restrictions import Restrictions
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.subjects import restriction_subject
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_PREFIX = restriction_subject("")

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Watcher = Callable[[RestrictionRecord], None]
"""Called with each restriction that is new, changed or over; ``lifted`` is set in the last case."""


class RestrictionProjection:
    """Applies records of restrictions. After a restart of the stream it builds a second view and compares."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.malformed = 0
        self._restrictions = Restrictions()
        self._building: Restrictions | None = None
        self._watchers: list[Watcher] = []

    @staticmethod
    def is_mine(subject: str) -> bool:
        """Whether a record of the stream is one of these."""
        return subject.startswith(_PREFIX)

    @property
    def restrictions(self) -> Restrictions:
        """All restrictions known to this process."""
        return self._restrictions

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher`` after every change."""
        self._watchers.append(watcher)

    def on_restart(self, restart: Restart) -> None:
        """Continue, or build a second view, which replaces the present one when complete."""
        self._building = Restrictions() if restart.reset else None

    def on_message(self, message: StreamMessage) -> None:
        """Apply one record. Records that violate their contract are skipped, counted and logged."""
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
        """Replace the present view with the second one, and notify the watchers of the differences."""
        if self._building is None:
            return
        now = self.clock()
        before = {restriction.id: restriction for restriction in self._restrictions.in_force(now)}
        self._restrictions, self._building = self._building, None
        for restriction in self._restrictions.in_force(now):
            if before.pop(restriction.id, None) != restriction:
                self._notify(restriction)
        for gone in before.values():
            self._notify(gone.model_copy(update={"lifted": True}))

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost the record of a restriction in force."""
        oldest = self._restrictions.oldest_seq(self.clock())
        return oldest is not None and oldest < first_seq

    def _notify(self, restriction: RestrictionRecord) -> None:
        for watcher in self._watchers:
            watcher(restriction)
