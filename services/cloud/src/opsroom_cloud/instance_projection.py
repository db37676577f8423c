"""All instances as the events tell, kept in memory and never ahead of what is stored."""

import logging
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from opsroom_contracts.cloud import INSTANCE_EVENT, Instance, InstanceEvent, PendingOperation, apply
from opsroom_contracts.codec import ContractError
from opsroom_contracts.subjects import instance_events
from opsroom_contracts.versions import NewerVersionError
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_NEVER = datetime.fromtimestamp(0, UTC)
_DAMAGED_MAX = 10_000
"""Instances with a damaged last event that are remembered for repair at a time."""

_NOTHING: Mapping[str, datetime] = MappingProxyType({})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """What is known of an instance: the instance (None: there is none), the sequence of the last message
    on its subject (0: none), and when the broker stored its last event."""

    instance: Instance | None = None
    seq: int = 0
    at: datetime = _NEVER


UNKNOWN = TrackedInstance()


class NewerReleaseError(UnavailableError):
    """A newer release wrote it: a process of that one may do now what this one can't."""


def read_event(message: StreamMessage) -> InstanceEvent | None:
    """The event in ``message``; None, with a log line, where there is none.

    Raises:
        NewerReleaseError: there is one, and it can't be read here. Logged, too.
    """
    try:
        event = INSTANCE_EVENT.read(message.data)
    except NewerVersionError as error:
        log.warning("skipped %s (sequence %d): %s", message.subject, message.seq, error)
        raise NewerReleaseError(f"{message.subject}: {error}") from error
    except ContractError as error:
        log.warning("skipped what is no event on %s (sequence %d): %s", message.subject, message.seq, error)
        return None
    if instance_events(event.instance_id) != message.subject:
        log.warning("skipped an event of another instance on %s (sequence %d)", message.subject, message.seq)
        return None
    return event


class InstanceProjection:
    """The sink of a follower of all instances' events; also told of this process's own writes at once.

    An instance that is gone is forgotten as soon as the follower has delivered the event that says so;
    until then it is remembered as gone, lest an older event bring it back.
    """

    def __init__(self) -> None:
        self._known: dict[str, TrackedInstance] = {}
        self._pending: dict[str, str] = {}
        self._due: dict[str, dict[str, datetime]] = {}
        self._sorted: list[str] | None = []
        self._position = 0
        self._damaged: set[str] = set()
        self.malformed = 0

    def on_restart(self, *, reset: bool) -> None:
        """Forget everything if what follows begins anew."""
        if reset:
            self._known.clear()
            self._pending.clear()
            self._due.clear()
            self._sorted = []
            self._position = 0

    def on_message(self, message: StreamMessage) -> None:
        """One message of ``cloud.events.*``."""
        self._position = message.seq
        instance_id = message.subject.rpartition(".")[2]
        known = self._known.get(instance_id, UNKNOWN)
        if known.seq > message.seq:
            return
        if known.seq == message.seq:
            self._put(instance_id, replace(known, at=message.at))
            return
        try:
            event = read_event(message)
        except NewerReleaseError:
            # Nothing is known of it, not even its place: so no guard of ours lets us write after it.
            self.malformed += 1
            return
        if event is None:
            self.malformed += 1
            self._note_damaged(instance_id)
            self.mark_skipped(instance_id, message.seq)
        else:
            self.apply_event(event, message.seq, message.at)

    def on_synced(self) -> None:
        """Nothing to do: who asks for a list waits for the sequence it needs."""

    def apply_event(self, event: InstanceEvent, seq: int, at: datetime) -> TrackedInstance:
        """Take in the last event of an instance, which stands as of ``seq`` and was stored at ``at``."""
        known = self._known.get(event.instance_id, UNKNOWN)
        if known.seq < seq:
            known = TrackedInstance(apply(event), seq, at)
            self._put(event.instance_id, known)
        return known

    def mark_skipped(self, instance_id: str, seq: int) -> TrackedInstance:
        """Take in that the last message of an instance, at ``seq``, changes nothing."""
        known = self._known.get(instance_id, UNKNOWN)
        if known.seq < seq:
            known = replace(known, seq=seq)
            self._put(instance_id, known)
        return known

    def get(self, instance_id: str) -> TrackedInstance:
        """What is known of an instance now."""
        return self._known.get(instance_id, UNKNOWN)

    def instance_with(self, operation_id: str) -> str | None:
        """The instance on which the operation is pending, as far as is known."""
        return self._pending.get(operation_id)

    def due_of(self, actor: str) -> Mapping[str, datetime]:
        """The operations of ``actor`` that are pending: the id of each, and when it is due."""
        return self._due.get(actor, _NOTHING)

    def pending(self) -> Iterator[tuple[str, PendingOperation, datetime]]:
        """The pending operations: the instance's id, the operation, and when it was stored."""
        for instance_id in self._pending.values():
            known = self._known[instance_id]
            if known.instance is not None and known.instance.pending is not None:
                yield instance_id, known.instance.pending, known.at

    def stored_before(self, moment: datetime) -> list[str]:
        """The instances at rest whose last event was stored before ``moment``."""
        return [
            instance_id
            for instance_id, known in self._known.items()
            if known.at < moment and known.instance is not None and known.instance.pending is None
        ]

    def after(self, instance_id: str | None, limit: int) -> list[Instance]:
        """Up to ``limit`` instances in the order of their ids, after ``instance_id``."""
        if self._sorted is None:
            self._sorted = sorted(key for key, known in self._known.items() if known.instance is not None)
        start = 0 if instance_id is None else bisect_right(self._sorted, instance_id)
        found = (self._known[key].instance for key in self._sorted[start : start + limit])
        return [instance for instance in found if instance is not None]

    def pop_corrupt(self) -> set[str]:
        """The instances whose last message was no event, told once: readers of last messages miss them."""
        damaged, self._damaged = self._damaged, set()
        return damaged

    @property
    def position(self) -> int:
        """The last sequence that the follower has delivered."""
        return self._position

    def counts(self) -> dict[str, int]:
        """Sizes, for the statistics."""
        return {"instances": len(self._known), "pending": len(self._pending), "malformed": self.malformed}

    def _end(self, pending: PendingOperation) -> None:
        self._pending.pop(pending.id, None)
        due = self._due.get(pending.actor)
        if due is not None:
            due.pop(pending.id, None)
            if not due:
                del self._due[pending.actor]

    def _note_damaged(self, instance_id: str) -> None:
        if len(self._damaged) < _DAMAGED_MAX:
            self._damaged.add(instance_id)

    def _put(self, instance_id: str, known: TrackedInstance) -> None:
        before = self._known.get(instance_id, UNKNOWN).instance
        if before is not None and before.pending is not None:
            self._end(before.pending)
        if known.instance is not None and known.instance.pending is not None:
            pending = known.instance.pending
            self._pending[pending.id] = instance_id
            self._due.setdefault(pending.actor, {})[pending.id] = pending.due_at
        if (before is None) != (known.instance is None):
            self._sorted = None
        if known.instance is None and known.seq <= self._position:
            self._known.pop(instance_id, None)
        else:
            self._known[instance_id] = known
