"""The instances and their events, read once for this process and sent to readers of both APIs."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.events import cloud_event_of
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, InstanceEvent, apply
from opsroom_contracts.http import SSE_CHANGE, SSE_RESET, InstanceList, ResetEvent
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import Frame, ReplayBuffer
from opsroom_gateway.transport.encoding import sse_event
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_BUFFER_COUNT = 4096
_BUFFER_BYTES = 16 * 1024 * 1024

log = logging.getLogger(__name__)

Watcher = Callable[[InstanceEvent, int, Instance | None], None]
"""Called with each event, its sequence and the instance before it, after the projection has applied it."""
RebuildWatcher = Callable[[Mapping[str, Instance]], None]
"""Called when the instances were read again from a changed stream, with those before, by id."""


@dataclass(slots=True)
class _View:
    """The instances as of ``head``, and the sequence of the last event of each."""

    head: int = 0
    head_timestamp: datetime | None = None
    epoch: str | None = None
    instances: dict[str, Instance] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)


class InstanceProjection:
    """Applies stored events: holds the instances as of ``head``, and publishes the events to ``readers``.

    After a reset it builds a second view. Until that is complete, the present one is shown, with its
    position: a list must never lack an instance.
    """

    def __init__(self) -> None:
        self.readers = Broadcaster()
        self.buffer = ReplayBuffer(_BUFFER_COUNT, _BUFFER_BYTES)
        self.malformed = 0
        self._view = _View()
        self._building: _View | None = None
        self._was_live = False
        self._watchers: list[Watcher] = []
        self._rebuild_watchers: list[RebuildWatcher] = []
        self._list: bytes | None = None

    @property
    def head(self) -> int:
        """The sequence of the last event that was applied."""
        return self._view.head

    @property
    def head_timestamp(self) -> datetime | None:
        """The timestamp of the event at ``head``; None: unknown."""
        return self._view.head_timestamp

    @property
    def epoch(self) -> str | None:
        """The epoch of the stream that the instances were read from."""
        return self._view.epoch

    def watch(self, watcher: Watcher, on_rebuilt: RebuildWatcher) -> None:
        """Call ``watcher`` after every new event, and ``on_rebuilt`` after the instances were read again."""
        self._watchers.append(watcher)
        self._rebuild_watchers.append(on_rebuilt)

    def instance(self, instance_id: str) -> Instance | None:
        """Return one instance, which may still be being created."""
        return self._view.instances.get(instance_id)

    def find(self, id_or_name: str) -> Instance | None:
        """Return the instance with that id or, if there is none, with that name."""
        found = self.instance(id_or_name)
        if found is not None:
            return found
        return next((one for one in self._view.instances.values() if one.name == id_or_name), None)

    def instances(self) -> tuple[Instance, ...]:
        """Return all instances, including those being created, ordered by id."""
        instances = self._view.instances
        return tuple(instances[instance_id] for instance_id in sorted(instances))

    def list_json(self) -> bytes:
        """Return the list with its position as JSON, cached until something changes."""
        if self._list is None:
            listed = InstanceList(
                seq=self.head,
                epoch=self.epoch,
                timestamp=self.head_timestamp,
                instances=self.instances(),
            )
            self._list = encode(listed)
        return self._list

    def reset_chunk(self) -> bytes:
        """Return the SSE chunk that makes a client refetch the list and then resume from ``head``."""
        data = ResetEvent(seq=self.head, epoch=self.epoch, timestamp=self.head_timestamp)
        return sse_event(SSE_RESET, encode(data), self.head)

    def on_restart(self, restart: Restart) -> None:
        """Continue, or start over with the last event of every instance."""
        if restart.reset:
            self._building = _View(restart.next_seq - 1, epoch=restart.epoch)
        elif self._building is not None:
            self._building.epoch = restart.epoch
        else:
            self._view.epoch = restart.epoch
            self._list = None

    def on_message(self, message: StreamMessage) -> None:
        """Apply one event. Events that violate their contract are skipped, counted and logged."""
        view = self._view if self._building is None else self._building
        view.head, view.head_timestamp = message.seq, None
        if self._building is None:
            self._list = None
        try:
            event = INSTANCE_EVENT.read(message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        view.head_timestamp = event.timestamp
        before, after = view.instances.get(event.instance_id), apply(event)
        if after is None:
            view.instances.pop(event.instance_id, None)
            view.sequences.pop(event.instance_id, None)
        else:
            view.instances[event.instance_id] = after
            view.sequences[event.instance_id] = message.seq
        if self._building is None:
            self._fan_out(event, message.seq, before)

    def on_synced(self) -> None:
        """Show the second view; the replay buffer is complete from here on. Readers must refetch."""
        if self._building is None:
            return
        before, self._view, self._building = self._view, self._building, None
        self._list = None
        self.buffer.restart(self.head + 1)
        self.readers.publish(self.reset_chunk())
        if self._was_live:
            for watcher in self._rebuild_watchers:
                watcher(before.instances)
        self._was_live = True

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Drop frames that the stream no longer has. Start over if it lost the state of an instance."""
        self.buffer.trim(first_seq)
        if self.head < first_seq:
            self._view.head_timestamp = self._list = None
        return any(seq < first_seq for seq in self._view.sequences.values())

    def _fan_out(self, event: InstanceEvent, seq: int, before: Instance | None) -> None:
        if event.type is not EventType.RETAINED:
            frame = change_frame(event, seq)
            self.buffer.put(frame)
            self.readers.publish(frame.data)
        for watcher in self._watchers:
            watcher(event, seq, before)


def change_frame(event: InstanceEvent, seq: int) -> Frame:
    """Return the SSE chunk of an event."""
    return Frame(seq, sse_event(SSE_CHANGE, encode(cloud_event_of(event, seq)), seq), event.timestamp)


def render_event(stored: StreamMessage) -> Frame:
    """Return the SSE chunk of a stored event; empty if the event is not public or violates its contract."""
    try:
        event = INSTANCE_EVENT.read(stored.data)
    except ContractError:
        return Frame(stored.seq, b"")
    if event.type is EventType.RETAINED:
        return Frame(stored.seq, b"", event.timestamp)
    return change_frame(event, stored.seq)
