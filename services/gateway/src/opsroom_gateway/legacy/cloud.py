"""The course contract's dashboard: the instance list, commands, and events on stream and socket."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast
from uuid import uuid4

from pydantic import TypeAdapter

from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import Instance, InstanceEvent
from opsroom_contracts.errors import ErrorCode, FaultError, refuse
from opsroom_contracts.legacy import (
    DONE_INFO,
    RECEIVED_INFO,
    SSE_MESSAGE,
    CourseAction,
    CourseCloudEvent,
    CourseInstance,
    CourseInstanceState,
)
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import rfc3339
from opsroom_gateway.api.cloud.client import CloudClient, CommandContext
from opsroom_gateway.domain.json_text import parse_json
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.legacy.domain.list_changes import STATES, list_changes, listed_state
from opsroom_gateway.legacy.http import BodyError
from opsroom_gateway.projections.instances import InstanceProjection
from opsroom_gateway.transport.encoding import sse_event, text_frame

_INSTANCES = TypeAdapter(tuple[CourseInstance, ...])
_STATES = TypeAdapter(list[CourseInstanceState])
_ACTIONS: dict[str, Command] = {
    CourseAction.START: Command.START,
    CourseAction.STOP: Command.STOP,
    InstanceState.RUNNING: Command.START,
    InstanceState.STOPPED: Command.STOP,
}

log = logging.getLogger(__name__)


class CourseCloud:
    """All dashboards of the course contract on this process."""

    def __init__(self, projection: InstanceProjection, commands: CloudClient) -> None:
        self.streams = Broadcaster()
        self.sockets = Broadcaster()
        self.projection = projection
        self._commands = commands

    def list_json(self) -> bytes:
        """Return the existing instances as a JSON array, without those still being created."""
        return _INSTANCES.dump_json(
            tuple(
                CourseInstance(id=one.id, state=one.state.value, timestamp=rfc3339(one.timestamp))
                for one in self.projection.instances()
                if listed_state(one) is not None
            )
        )

    async def create(self, client_id: str, context: CommandContext) -> None:
        """Accept a create.

        Raises:
            FaultError: the cloud service's error.
        """
        await self._commands.create(client_id, context)

    async def command(
        self, command: Command, instance_id: str, client_id: str, context: CommandContext
    ) -> None:
        """Accept a start, stop or remove.

        Raises:
            FaultError: ``instance_not_found``, or the cloud service's error.
        """
        # Ids that no instance can have are rejected here: they violate the service's contract.
        if self.projection.instance(instance_id) is None:
            raise refuse(ErrorCode.INSTANCE_NOT_FOUND, f"there is no instance {instance_id[:64]!r}")
        await self._commands.command(command, instance_id, client_id, context)

    async def receive(self, data: str | bytes, context: CommandContext | None) -> None:
        """Handle a frame: ``{"id"}`` toggles, ``{"id","action"}`` names the command; others are ignored.

        An accepted command is announced to every socket when it is done. Otherwise the instance's present
        state is sent at once. Without ``context`` no command is accepted.
        """
        frame = _object_in(data)
        if frame is None:
            return
        found = self.projection.instance(str(frame.get("id")))
        if found is None or listed_state(found) is None:
            self._broadcast_state(None)
            return
        action = frame.get("action")
        if action is None:
            command = Command.STOP if found.state is InstanceState.RUNNING else Command.START
        elif isinstance(action, str) and action in _ACTIONS:
            command = _ACTIONS[action]
        else:
            self._broadcast_state(found)
            return
        if context is None:
            self._broadcast_state(found)
            return
        try:
            await self._commands.command(command, found.id, uuid4().hex, context)
        except FaultError as error:
            log.info("a dashboard's command was refused: %s", error)
            self._broadcast_state(self.projection.instance(found.id))

    def on_event(self, event: InstanceEvent, seq: int, before: Instance | None) -> None:
        """Publish an event in the course contract's format, and what else it changes in the list.

        So the list always equals what a client makes of the events.
        """
        after = self.projection.instance(event.instance_id)
        info = _received_info(event.command) if event.type is EventType.RECEIVED else None
        if info is not None:
            self._publish(event.type, event.instance_id, event.state, event.timestamp, info, seq)
        for kind in list_changes(before, after, event.type):
            self._publish_change(kind, event.instance_id, event.state, event.timestamp, seq)

    def on_rebuilt(self, before: Mapping[str, Instance]) -> None:
        """Publish what differs after the stream was replaced or purged, as if it had just happened."""
        now = {one.id: one for one in self.projection.instances()}
        for known in {**before, **now}.values():
            for kind in list_changes(before.get(known.id), now.get(known.id)):
                self._publish_change(kind, known.id, known.state, known.timestamp, self.projection.head)

    def _publish_change(
        self, kind: EventType, instance_id: str, last: InstanceState, at: datetime, seq: int
    ) -> None:
        """Publish one change of the list. ``last``: the state to show if it does not follow from ``kind``."""
        self._publish(kind, instance_id, STATES.get(kind, last), at, DONE_INFO[kind], seq)
        if kind in {EventType.STARTED, EventType.STOPPED}:
            self._broadcast_state(self.projection.instance(instance_id))

    def _publish(
        self, kind: EventType, instance_id: str, state: InstanceState, at: datetime, info: str, seq: int
    ) -> None:
        moment = rfc3339(at)
        frame = CourseCloudEvent(
            type=cast('Literal["received"]', kind.value),
            id=instance_id,
            state=state.value,
            info=info,
            timestamp=moment,
            time_stamp=moment,
        )
        self.streams.publish(sse_event(SSE_MESSAGE, encode(frame), seq))

    def _broadcast_state(self, instance: Instance | None) -> None:
        states: list[CourseInstanceState] = []
        if instance is not None:
            states.append(CourseInstanceState(id=instance.id, state=instance.state.value))
        self.sockets.publish(text_frame(_STATES.dump_json(states)))


def action_in(body: object) -> Command:
    """Return the command in a body: ``{"state": "running"|"stopped"}`` or ``{"action": "start"|"stop"}``.

    Raises:
        BodyError: it is neither.
    """
    requested = body.get("action", body.get("state")) if isinstance(body, dict) else None
    if not isinstance(requested, str) or requested not in _ACTIONS:
        raise BodyError('The body must be {"state": "running"|"stopped"} or {"action": "start"|"stop"}.')
    return _ACTIONS[requested]


def _object_in(data: str | bytes) -> dict[str, Any] | None:
    try:
        value = parse_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _received_info(command: Command | None) -> str | None:
    return None if command is None else RECEIVED_INFO.get(command)
