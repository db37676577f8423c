"""Mutants: faults planted in the target process, each of which the fuzzer must detect.

`plant` returns what it replaced: owner, attribute and former value.
"""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from opsroom_chat.changes import reactions
from opsroom_chat.domain import rooms as room_rules
from opsroom_chat.domain.reactions import changed_reaction
from opsroom_chat.messages.handlers import Messages
from opsroom_chat.rooms.access import RoomAccess
from opsroom_cloud.domain import lifecycle
from opsroom_cloud.instances.names import ServerNames
from opsroom_cloud.providers.reconciliation import Reconciliation
from opsroom_contracts.errors import ErrorCode
from opsroom_gateway.agents import agent_stream
from opsroom_gateway.agents import requests as agent_requests
from opsroom_gateway.api import health, problem_details
from opsroom_gateway.api.audit_log import GatewayAuditLog
from opsroom_gateway.api.chat_socket.replies import Replies
from opsroom_gateway.api.chat_socket.session import ChatSocket
from opsroom_gateway.api.cloud import changes
from opsroom_gateway.auth.authorization import Authorizer
from opsroom_gateway.domain.byte_ranges import byte_range
from opsroom_gateway.fanout.broadcaster import Broadcaster
from opsroom_gateway.fanout.replay_buffer import ReplayBuffer
from opsroom_gateway.fanout.room_readers import RoomReaders
from opsroom_gateway.files import downloads
from opsroom_gateway.legacy.chat import CourseChat
from opsroom_gateway.legacy.domain.frames import read_frame
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.transport.http.parser import RequestParser
from opsroom_gateway.transport.websocket.protocol import WebSocketProtocol
from tests.fuzz.cases.agent_cases import LISTING, NOTIFYING, REPLYING, STREAMING
from tests.fuzz.cases.flood_cases import FLOODS, HEADERS_AND_TRAILERS
from tests.fuzz.cases.moderation_cases import Race, race
from tests.fuzz.cases.room_cases import RoomRace, room_race
from tests.fuzz.cases.server_cases import SERVERS

Replaced = list[tuple[Any, str, Any]]


class _MutantError(Exception):
    """Raised by mutants."""


def _replace(owner: Any, attribute: str, other: Any) -> Replaced:
    was = getattr(owner, attribute)
    setattr(owner, attribute, other)
    return [(owner, attribute, was)]


def _raising(owner: Any, attribute: str) -> Callable[[], Replaced]:
    def fail(*_: Any, **__: Any) -> Any:
        raise _MutantError

    return lambda: _replace(owner, attribute, fail)


def _after(owner: Any, attribute: str, then: Callable[[Any], None]) -> Callable[[], Replaced]:
    """Call ``then`` with the object after each call of its method."""

    def install() -> Replaced:
        was = getattr(owner, attribute)

        def method(self: Any, *arguments: Any) -> Any:
            answer = was(self, *arguments)
            then(self)
            return answer

        return _replace(owner, attribute, method)

    return install


def _leave_a_task(_chat: CourseChat) -> None:
    _KEPT.append(asyncio.create_task(asyncio.Event().wait()))


def _leave_a_descriptor(protocol: WebSocketProtocol) -> None:
    os.dup(protocol.transport.get_extra_info("socket").fileno())


_KEPT: list[Any] = []


def _inert(owner: Any, attribute: str) -> Callable[[], Replaced]:
    """A coroutine that does nothing."""

    async def ignore(*_: Any) -> None:
        return

    return lambda: _replace(owner, attribute, ignore)


def _spoiled(spoil: Callable[[Callable[..., None], MessageProjection, Any], None]) -> Callable[[], Replaced]:
    """An invalid frame of one client spoils the next message for all."""

    def install() -> Replaced:
        receive, deliver = CourseChat.receive, MessageProjection.on_message
        bad: list[bool] = []

        async def noting(self: CourseChat, socket: Any, data: str | bytes) -> None:
            if read_frame(data) is None:
                bad.append(True)
            await receive(self, socket, data)

        def spoiling(self: MessageProjection, message: Any) -> None:
            if bad:
                bad.clear()
                spoil(deliver, self, message)
            else:
                deliver(self, message)

        return [
            *_replace(CourseChat, "receive", noting),
            *_replace(MessageProjection, "on_message", spoiling),
        ]

    return install


def _twice(deliver: Callable[..., None], feed: MessageProjection, message: Any) -> None:
    deliver(feed, message)
    deliver(feed, message)


def _not_at_all(_deliver: Callable[..., None], _feed: MessageProjection, _message: Any) -> None:
    return


def _blocking() -> Replaced:
    """The handler of an invalid frame blocks the event loop, with pauses."""
    receive, blocked = CourseChat.receive, [0.0]

    async def block(self: CourseChat, socket: Any, data: str | bytes) -> None:
        if read_frame(data) is None and time.monotonic() - blocked[0] > _BLOCKED_SECONDS:
            time.sleep(_BLOCKED_SECONDS)  # noqa: ASYNC251 - the fault
            blocked[0] = time.monotonic()
        await receive(self, socket, data)

    return _replace(CourseChat, "receive", block)


def _unyielding() -> Replaced:
    """All that one read of a socket contains is handled at once, however long that takes."""
    receive = WebSocketProtocol.buffer_updated

    def handle(self: WebSocketProtocol, nbytes: int) -> None:
        receive(self, nbytes)
        if nbytes > _LARGE_READ:
            busy_until = time.thread_time() + _BLOCKED_SECONDS
            while time.thread_time() < busy_until:
                pass

    return _replace(WebSocketProtocol, "buffer_updated", handle)


def _unchecked(owner: Any, attribute: str) -> Callable[[], Replaced]:
    """A check that passes always."""
    return lambda: _replace(owner, attribute, lambda *_: None)


def _accepting() -> Replaced:
    """A refused request is recorded as an accepted one."""

    def record(self: GatewayAuditLog, action: Any, by: Any, *_: Any) -> None:
        self.accepted(action, by, "x")

    return _replace(GatewayAuditLog, "refused", record)


def _same_names() -> Replaced:
    """A name may be given to a second server."""

    async def claim_for(self: ServerNames, name: str, _instance_id: str) -> int:
        claim = await self._events.claim(name)
        return 0 if claim is None else claim.seq

    free = _replace(ServerNames, "refusal", lambda *_: None)
    return [*free, *_replace(ServerNames, "claim_for", claim_for)]


def _nameless() -> Replaced:
    """Errors don't name the field that is wrong."""
    was = problem_details.problem_of
    return _replace(
        problem_details, "problem_of", lambda fault: was(fault).model_copy(update={"field": None})
    )


def _all_taken_in() -> Replaced:
    """All servers that an agent lists are taken in, whatever their ids."""

    def unknown(_self: Reconciliation, listed: Any, before: Any) -> list[Any]:
        return [one for one in listed.values() if one.id not in before]

    return _replace(Reconciliation, "_unknown", unknown)


def _all_believed() -> Replaced:
    """An agent may report servers of other providers."""

    def known(self: Reconciliation, ids: Any) -> dict[str, Any]:
        tracked = {key: self._stored.projection.get(key) for key in ids}
        return {key: one for key, one in tracked.items() if one.instance is not None}

    return _replace(Reconciliation, "_known", known)


def _to_everybody() -> Replaced:
    """The frames of a room go to all sockets."""
    return _replace(RoomReaders, "publish", lambda self, _room, frame: self.publish_to_all(frame))


def _miscounted() -> Replaced:
    """The event of a reaction has another count than there are."""

    def change(*arguments: Any) -> Any:
        event = changed_reaction(*arguments)
        return None if event is None else event.model_copy(update={"count": event.count + 2})

    return _replace(reactions, "changed_reaction", change)


def _shifted() -> Replaced:
    """A range begins one byte later than it should."""

    def shift(header: str | None, size: int) -> range | None:
        found = byte_range(header, size)
        return None if found is None else range(min(found.start + 1, found.stop), found.stop)

    return _replace(downloads, "byte_range", shift)


def _keep_memory(_parser: RequestParser) -> None:
    _KEPT.append(b"x" * _KEPT_BYTES)


@dataclass(frozen=True, slots=True)
class Mutant:
    """How to plant a mutant, and a pattern that one of the findings must match.

    ``heavy``: the expensive cases that detect it, if only some do; empty: all.
    """

    plant: Callable[[], Replaced]
    detected_by: str
    heavy: tuple[st.SearchStrategy[Any], ...] = ()


_RAISED = "_MutantError"
_BLOCKED_SECONDS = 0.4
_KEPT_BYTES = 10_000
_LARGE_READ = 2000
"""More bytes than most cases send at once: floods do."""
MUTANTS: dict[str, Mutant] = {
    "a course frame's handler raises": Mutant(_raising(CourseChat, "receive"), _RAISED),
    "a refusal raises": Mutant(_raising(Replies, "refuse"), _RAISED),
    "delivery raises": Mutant(_raising(Broadcaster, "publish"), _RAISED),
    "a route gives 500": Mutant(_raising(health, "Health"), r"answered \[500\]"),
    "a service gives 500": Mutant(_raising(Messages, "_check_room"), "NATS requests: 500"),
    "a send is never answered": Mutant(_inert(ChatSocket, "_request"), "neither answered nor ended"),
    "each connection leaves a task": Mutant(_after(CourseChat, "open", _leave_a_task), "tasks are left"),
    "each connection leaves a descriptor": Mutant(
        _after(WebSocketProtocol, "on_request", _leave_a_descriptor), "descriptors are left"
    ),
    "each connection stays in memory": Mutant(
        _after(WebSocketProtocol, "on_request", _KEPT.append),
        r"objects of opsroom_gateway\.transport\.server\..*Protocol",
    ),
    "a bad frame blocks the loop": Mutant(_blocking, "^starvation: "),
    "the frames of a socket are handled without yielding": Mutant(_unyielding, "^starvation: ", FLOODS),
    "each header stays in memory": Mutant(
        _after(RequestParser, "on_header", _keep_memory), "MiB of memory were taken", HEADERS_AND_TRAILERS
    ),
    "a role is not checked": Mutant(_unchecked(Authorizer, "check"), "not refused"),
    "a refusal is recorded as accepted": Mutant(_accepting, "accepted: "),
    "a mute does not hold": Mutant(_inert(Messages, "_check_may_send"), "not refused", (race(Race.MUTE),)),
    "a ban leaves sockets open": Mutant(
        _unchecked(ChatSocket, "_on_restriction"), "by the ban", (race(Race.BAN),)
    ),
    "a removed text is replayed": Mutant(
        _unchecked(ReplayBuffer, "redact"), "shown after the removal", (race(Race.REMOVE),)
    ),
    "a removed member reads on": Mutant(
        _inert(RoomAccess, "check_may_read"), "not refused after the removal", (room_race(RoomRace.REMOVAL),)
    ),
    "a room is sent to everybody": Mutant(
        _to_everybody, "an outsider was sent something", (room_race(RoomRace.MESSAGES),)
    ),
    "a room loses its owner": Mutant(
        _unchecked(room_rules, "next_owner"), "nobody owns the room", (room_race(RoomRace.MEMBERS),)
    ),
    "reactions are counted wrong": Mutant(
        _miscounted, "a snapshot and the frames after", (room_race(RoomRace.MESSAGES),)
    ),
    "a range is not what was asked for": Mutant(_shifted, "other bytes than was asked|no such part"),
    "two servers have one name": Mutant(_same_names, "two servers have the name", (SERVERS,)),
    "a refused change has an effect": Mutant(
        _unchecked(changes, "_check"), "changed to .* by a refused request", (SERVERS,)
    ),
    "protection is not checked": Mutant(
        _unchecked(lifecycle, "_protection_refusal"), "a protected server accepted", (SERVERS,)
    ),
    "an error names no field": Mutant(_nameless, "names no field", (SERVERS,)),
    "an agent's failure is the portal's": Mutant(
        lambda: _replace(agent_requests, "_OWN_ERRORS", frozenset(ErrorCode)), "answered 500", (REPLYING,)
    ),
    "a stream exceeds its window": Mutant(
        lambda: _replace(agent_stream, "WINDOW", 10_000), "exceeds its window", (STREAMING,)
    ),
    "a listed server takes another's name": Mutant(_all_taken_in, "is the id of another server", (LISTING,)),
    "an agent reports another's servers": Mutant(
        _all_believed, "another provider's server changed", (NOTIFYING,)
    ),
    "a bad frame costs others a message": Mutant(_spoiled(_not_at_all), "stored are|waited in vain"),
    "a bad frame shows others a message twice": Mutant(_spoiled(_twice), "stored are|relayed"),
}
