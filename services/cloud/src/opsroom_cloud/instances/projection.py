"""In-memory projection of all instances from the stored events."""

import logging
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.instances import SIMULATED
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, InstanceEvent, PendingOperation, apply
from opsroom_contracts.serialization.codec import ContractError
from opsroom_contracts.serialization.versions import NewerVersionError
from opsroom_contracts.subjects import instance_events
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_EPOCH = datetime.fromtimestamp(0, UTC)
_CORRUPT_MAX = 10_000
"""Maximum number of instances with a corrupt last event that wait for repair."""

_NO_OPERATIONS: Mapping[str, datetime] = MappingProxyType({})

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrackedInstance:
    """An instance in the projection.

    ``instance``: None if it does not exist. ``seq``: sequence of the last message on its subject (0: none).
    ``at``: when the broker stored its last event. ``identity``: who its pending operation is for, if known.
    ``accepted_at``: when the broker stored the acceptance of that operation; None: unknown, since only a
    later event was read.
    """

    instance: Instance | None = None
    seq: int = 0
    at: datetime = _EPOCH
    identity: str | None = None
    accepted_at: datetime | None = None

    def restored_at(self, at: datetime) -> "TrackedInstance":
        """Return the same with the broker's time of the last event in place of this process's."""
        accepted_at = at if self.accepted_at == self.at else self.accepted_at
        return replace(self, at=at, accepted_at=accepted_at)


def track(event: InstanceEvent, seq: int, at: datetime, former: TrackedInstance) -> TrackedInstance:
    """Return the instance after ``event``, which the broker stored at ``at``; ``former``: before it."""
    instance = apply(event)
    if event.type is EventType.REQUESTED:
        return TrackedInstance(instance, seq, at, event.pending_identity, at)
    if event.pending is None:
        accepted_at = at if event.type is EventType.RECEIVED else None
        return TrackedInstance(instance, seq, at, event.identity, accepted_at)
    before = None if former.instance is None else former.instance.pending
    same = before is not None and before.id == event.pending.id
    return TrackedInstance(instance, seq, at, event.pending_identity, former.accepted_at if same else None)


UNKNOWN = TrackedInstance()


def quota_key(identity: str | None, actor: str) -> str:
    """Return whose quota an operation counts for. Only without an identity it is the name's."""
    return f"actor:{actor}" if identity is None else identity


class NewerReleaseError(UnavailableError):
    """A newer release wrote the payload; a process of that release may handle the request."""


def read_event(message: StreamMessage) -> InstanceEvent | None:
    """Decode the event in ``message``; log a malformed one and return None.

    Raises:
        NewerReleaseError: a newer release wrote the event. It is logged, too.
    """
    try:
        event = INSTANCE_EVENT.read(message.data)
    except NewerVersionError as error:
        log.warning("skipped %s (sequence %d): %s", message.subject, message.seq, error)
        raise NewerReleaseError(f"{message.subject}: {error}") from error
    except ContractError as error:
        log.warning("skipped a malformed event on %s (sequence %d): %s", message.subject, message.seq, error)
        return None
    if instance_events(event.instance_id) != message.subject:
        log.warning("skipped an event of another instance on %s (sequence %d)", message.subject, message.seq)
        return None
    return event


class InstanceProjection:
    """Handler of a subscription to all instance events; this process's own writes are applied immediately.

    A removed instance is dropped as soon as the subscription has delivered its last event. Until then it is
    kept as a tombstone, so that an older event delivered late does not restore it.
    """

    def __init__(self) -> None:
        self._known: dict[str, TrackedInstance] = {}
        self._pending: dict[str, str] = {}
        self._due: dict[str, dict[str, datetime]] = {}
        self._names: dict[str, set[str]] = {}
        self._by_provider: dict[str, set[str]] = {}
        self._sorted: list[str] | None = []
        self._position = 0
        self._corrupt: set[str] = set()
        self._corrupt_overflow = False
        self._unreadable: dict[str, int] = {}
        """Instances whose last event a newer release wrote, and the sequence of the last event before it."""
        self._also_needed: list[Callable[[], int | None]] = []
        self.malformed = 0

    def on_restart(self, restart: Restart) -> None:
        """Clear the projection if the subscription starts from the beginning."""
        if restart.reset:
            self._known.clear()
            self._pending.clear()
            self._due.clear()
            self._names.clear()
            self._by_provider.clear()
            self._sorted = []
            self._position = 0
            self._corrupt.clear()
            self._corrupt_overflow = False
            self._unreadable.clear()

    def on_message(self, message: StreamMessage) -> None:
        """Apply one message of ``cloud.events.*``."""
        self._position = message.seq
        instance_id = message.subject.rpartition(".")[2]
        known = self._known.get(instance_id, UNKNOWN)
        if known.seq > message.seq:
            return
        if known.seq == message.seq:
            self._update(instance_id, known.restored_at(message.at))
            return
        try:
            event = read_event(message)
        except NewerReleaseError:
            # Keep the old sequence, so that optimistic locking prevents writes after this event.
            self.malformed += 1
            self._unreadable.setdefault(instance_id, known.seq or message.seq)
            return
        self._unreadable.pop(instance_id, None)
        if event is None:
            self.malformed += 1
            self._mark_corrupt(instance_id)
            self.mark_skipped(instance_id, message.seq)
        else:
            self.apply_event(event, message.seq, message.at)

    def on_synced(self) -> None:
        """Do nothing: readers wait for the sequence that they need."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Start over if the stream lost the last event of an instance."""
        return any(known.seq < first_seq for known in self._known.values() if known.instance is not None)

    def apply_event(self, event: InstanceEvent, seq: int, at: datetime) -> TrackedInstance:
        """Apply the last event of an instance: valid as of ``seq``, stored at ``at``."""
        known = self._known.get(event.instance_id, UNKNOWN)
        if known.seq < seq:
            known = track(event, seq, at, known)
            self._update(event.instance_id, known)
        return known

    def mark_skipped(self, instance_id: str, seq: int) -> TrackedInstance:
        """Note that the last message of an instance, at ``seq``, changes nothing."""
        known = self._known.get(instance_id, UNKNOWN)
        if known.seq < seq:
            known = replace(known, seq=seq)
            self._update(instance_id, known)
        return known

    def get(self, instance_id: str) -> TrackedInstance:
        """Return the tracked state of an instance."""
        return self._known.get(instance_id, UNKNOWN)

    def instance_with(self, operation_id: str) -> str | None:
        """Return the id of the instance on which the operation is pending, if known."""
        return self._pending.get(operation_id)

    def due_of(self, key: str) -> Mapping[str, datetime]:
        """Return the pending operations of a :func:`quota_key`: due time by operation id."""
        return self._due.get(key, _NO_OPERATIONS)

    def pending(self) -> Iterator[tuple[str, PendingOperation, datetime]]:
        """Iterate over pending operations: instance id, operation, and when it was accepted."""
        for instance_id in self._pending.values():
            known = self._known[instance_id]
            if known.instance is not None and known.instance.pending is not None:
                pending = known.instance.pending
                yield instance_id, pending, known.accepted_at or pending.accepted_at

    def named(self, name: str) -> str | None:
        """Return the id of the instance with this name; the lowest, if there are several."""
        return min(self._names.get(name, ()), default=None)

    def instances_of(self, provider: str) -> list[TrackedInstance]:
        """Return the instances of a provider other than the simulated one."""
        ids = self._by_provider.get(provider, ())
        return [self._known[instance_id] for instance_id in ids]

    def stored_before(self, moment: datetime) -> list[str]:
        """Return the ids of idle instances whose last event was stored before ``moment``."""
        return [
            instance_id
            for instance_id, known in self._known.items()
            if known.at < moment and known.instance is not None and known.instance.pending is None
        ]

    def after(self, instance_id: str | None, limit: int) -> list[Instance]:
        """Return up to ``limit`` instances after ``instance_id``, sorted by id."""
        if self._sorted is None:
            self._sorted = sorted(key for key, known in self._known.items() if known.instance is not None)
        start = 0 if instance_id is None else bisect_right(self._sorted, instance_id)
        found = (self._known[key].instance for key in self._sorted[start : start + limit])
        return [instance for instance in found if instance is not None]

    def corrupt(self) -> list[str]:
        """Return the ids of instances whose last message is malformed.

        They need repair, because readers of the last message of each subject miss them.
        """
        return list(self._corrupt)

    def mark_repaired(self, instance_id: str) -> None:
        """Note that an instance needs no repair any more."""
        self._corrupt.discard(instance_id)

    def oldest_needed(self) -> int | None:
        """Return the lowest sequence that holds the state of an instance; None if there is none.

        0 if that is unknown, because the state of an instance lies before a message that is malformed.
        """
        if self._corrupt or self._corrupt_overflow:
            return 0
        needed = [known.seq for known in self._known.values() if known.instance is not None]
        more = [seq for needs in self._also_needed if (seq := needs()) is not None]
        return min((*needed, *self._unreadable.values(), *more), default=None)

    def keep_also(self, needs: Callable[[], int | None]) -> None:
        """Count the lowest sequence that ``needs`` returns among those of :meth:`oldest_needed`."""
        self._also_needed.append(needs)

    def lost_before(self, first: int) -> list[TrackedInstance]:
        """Return the instances whose state lay before ``first``, the first sequence that is still stored."""
        return [known for known in self._known.values() if known.instance is not None and known.seq < first]

    @property
    def position(self) -> int:
        """The last sequence that the subscription has delivered."""
        return self._position

    def counts(self) -> dict[str, int]:
        """Return the sizes for the statistics."""
        return {
            "instances": len(self._known),
            "pending": len(self._pending),
            "awaiting": sum(1 for _, pending, _ in self.pending() if pending.approval is not None),
            "malformed": self.malformed,
        }

    def _remove_pending(self, pending: PendingOperation, identity: str | None) -> None:
        self._pending.pop(pending.id, None)
        key = quota_key(identity, pending.actor)
        due = self._due.get(key)
        if due is not None:
            due.pop(pending.id, None)
            if not due:
                del self._due[key]

    def _index(self, before: Instance | None, after: Instance | None) -> None:
        """Keep the indexes by id, name and provider."""
        if (before is None) != (after is None):
            self._sorted = None
        if before is not None and (after is None or after.name != before.name):
            _discard(self._names, before.name, before.id)
        if after is not None and (before is None or after.name != before.name):
            self._names.setdefault(after.name, set()).add(after.id)
        if before is not None and (after is None or after.provider != before.provider):
            _discard(self._by_provider, before.provider, before.id)
        if after is not None and after.provider != SIMULATED:
            self._by_provider.setdefault(after.provider, set()).add(after.id)

    def _mark_corrupt(self, instance_id: str) -> None:
        if len(self._corrupt) < _CORRUPT_MAX:
            self._corrupt.add(instance_id)
        else:
            self._corrupt_overflow = True

    def _update(self, instance_id: str, known: TrackedInstance) -> None:
        former = self._known.get(instance_id, UNKNOWN)
        before = former.instance
        if before is not None and before.pending is not None:
            self._remove_pending(before.pending, former.identity)
        if known.instance is not None and known.instance.pending is not None:
            pending = known.instance.pending
            self._pending[pending.id] = instance_id
            self._due.setdefault(quota_key(known.identity, pending.actor), {})[pending.id] = pending.due_at
        self._index(before, known.instance)
        if known.instance is None and known.seq <= self._position:
            self._known.pop(instance_id, None)
        else:
            self._known[instance_id] = known


def _discard(index: dict[str, set[str]], key: str, instance_id: str) -> None:
    found = index.get(key)
    if found is not None:
        found.discard(instance_id)
        if not found:
            del index[key]
