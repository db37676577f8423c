"""Reads the streams all the time, so that also what is removed or expires later is known."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from opsroom_contracts.audit import AUDIT_ENTRY
from opsroom_contracts.chat.models import MEMBER, NAME_CLAIM, MemberStatus
from opsroom_contracts.chat.rooms import PERSON_ROOMS
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.cloud.models import INSTANCE_EVENT, Instance, apply
from opsroom_contracts.subjects import (
    AUDIT,
    AUDIT_STREAM,
    CHAT_EVENTS,
    CHAT_STREAM,
    CLOUD_EVENTS,
    CLOUD_STREAM,
    MEMBERS,
    MEMBERS_STREAM,
    MEMBERSHIPS,
    NAMES,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.stream_reader import StreamMessage, StreamReader
from tests.faults.clients.recorder import Recorder
from tests.faults.verification.cloud_history import AuditRecord, CloudLife, Facts, StoredEvent, labels_text
from tests.faults.verification.history import ChatLife
from tests.faults.verification.stored_chat import record_event, record_rooms
from tests.faults.verification.team_history import Roster

_PAGE = 1000
_EVERY_SECONDS = 0.5


class Observer:
    """Adds what the streams hold to the present lives of the history."""

    def __init__(self, broker: NatsConnection, recorder: Recorder) -> None:
        self._broker = broker
        self._recorder = recorder
        self.reading = asyncio.Lock()
        """Held while it reads, and while a stream is being replaced."""
        self._chat: ChatLife | None = None
        self._cloud: CloudLife | None = None
        self._roster: Roster | None = None
        self._read: dict[str, int] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            with suppress(UnavailableError):
                await self.catch_up()
            await asyncio.sleep(_EVERY_SECONDS)

    async def catch_up(self) -> None:
        """Read what has been stored since the last time.

        Raises:
            UnavailableError: no reply.
        """
        async with self.reading:
            chat, cloud = self._recorder.chat, self._recorder.cloud
            if chat is not self._chat:
                self._chat, self._read[CHAT_STREAM] = chat, 0
            if chat.team.roster is not self._roster:
                self._roster, self._read[MEMBERS_STREAM] = chat.team.roster, 0
            if cloud is not self._cloud:
                self._cloud, self._read[CLOUD_STREAM], self._read[AUDIT_STREAM] = cloud, 0, 0
            first = (await StreamReader(self._broker, CHAT_STREAM).bounds()).first
            if chat.firsts:  # a node that the others can't reach does not know of the newest limit
                first = max(first, chat.firsts[-1][1])
            chat.firsts.append((time.time(), first))
            await self._advance(CHAT_STREAM, CHAT_EVENTS, self._message)
            await self._advance(MEMBERS_STREAM, MEMBERSHIPS, self._rooms)
            await self._advance(CLOUD_STREAM, CLOUD_EVENTS, self._event)
            await self._advance(AUDIT_STREAM, AUDIT, self._entry)

    async def last_seq(self, stream: str) -> int:
        """Return the last sequence number of a stream."""
        return (await StreamReader(self._broker, stream).bounds()).last

    async def epoch(self, stream: str) -> str | None:
        """Return the epoch of a stream.

        Raises:
            UnavailableError: no reply.
        """
        return (await StreamReader(self._broker, stream).bounds()).epoch

    async def _advance(self, stream: str, subject: str, add: Callable[[StreamMessage], None]) -> None:
        reader = StreamReader(self._broker, stream)
        while page := await reader.page(subject, start=self._read.get(stream, 0) + 1, count=_PAGE):
            for stored in page:
                add(stored)
            self._read[stream] = page[-1].seq

    def _message(self, stored: StreamMessage) -> None:
        assert self._chat is not None
        record_event(self._chat, stored)

    def _rooms(self, stored: StreamMessage) -> None:
        assert self._roster is not None
        record_rooms(self._roster, PERSON_ROOMS.read(stored.data), stored)

    def _event(self, stored: StreamMessage) -> None:
        event = INSTANCE_EVENT.read(stored.data)
        assert self._cloud is not None
        goes_on = event.pending is not None and event.type is not EventType.RECEIVED
        waits_for = None if event.pending is None else event.pending.approval
        self._cloud.events.append(
            StoredEvent(
                stored.seq,
                event.type.value,
                event.operation_id or "",
                event.instance_id,
                event.command.value if event.command else "",
                event.state.value,
                stored.at.timestamp(),
                event.actor,
                event.pending.id if goes_on and event.pending else "",
                event.provider or "",
                event.reason_code.value if event.reason_code else "",
                _facts(apply(event)),
                event.due_at.timestamp() if event.due_at else 0.0,
                0 if waits_for is None else waits_for.need,
                event.type is EventType.APPROVED and event.reason is not None,
            )
        )

    def _entry(self, stored: StreamMessage) -> None:
        entry = AUDIT_ENTRY.read(stored.data)
        assert self._cloud is not None
        self._cloud.audit.append(
            AuditRecord(
                stored.seq,
                entry.id,
                0.0,
                entry.outcome.value,
                entry.action.value,
                entry.actor,
                entry.target or "",
                entry.operation_id or "",
                "" if entry.code is None else entry.code.value,
            )
        )


def _facts(instance: Instance | None) -> Facts:
    if instance is None:
        return Facts()
    return Facts(
        instance.name,
        labels_text(instance.labels),
        instance.template or "",
        instance.resource or "",
        instance.protected,
        instance.condition.value,
        instance.reason_code.value if instance.reason_code else "",
    )


async def left_over(broker: NatsConnection) -> list[str]:
    """Return members that are listed or claim a name, and claims of names by nobody."""
    members = [MEMBER.read(stored.data) for stored in await _all(broker, MEMBERS_STREAM, MEMBERS)]
    there = {member.user.id: member for member in members if member.status is not MemberStatus.AWAY}
    words = [f"{member.user.name} is still {member.status.value}" for member in there.values()]
    for stored in await _all(broker, MEMBERS_STREAM, NAMES):
        holder = NAME_CLAIM.read(stored.data).user_id
        if holder is not None and holder not in there:
            words.append(f"{stored.subject} is held by {holder}, who is gone")
    return words


async def _all(broker: NatsConnection, stream: str, subject: str) -> list[StreamMessage]:
    reader = StreamReader(broker, stream)
    found: list[StreamMessage] = []
    start = 1
    while page := await reader.page(subject, start=start, count=_PAGE):
        found += page
        start = page[-1].seq + 1
    return found


async def patiently(read: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Call ``read`` until it succeeds.

    Raises:
        UnavailableError: it never did.
    """
    deadline = time.time() + seconds
    while True:
        try:
            return await read()
        except UnavailableError:
            if time.time() > deadline:
                raise
            await asyncio.sleep(_EVERY_SECONDS)
