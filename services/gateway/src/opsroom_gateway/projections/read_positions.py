"""Read positions between sockets and the chat service: sent on, and reported to the user's other sockets."""

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_contracts import endpoints
from opsroom_contracts.chat.frames import ReadNotice
from opsroom_contracts.chat.reads import (
    POSITIONS_MAX,
    READ_POSITIONS,
    ReadPosition,
    ReadRequest,
    RoomUnread,
    Unread,
    UnreadRequest,
)
from opsroom_contracts.errors import RETRYABLE, FaultError
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_contracts.subjects import reads_subject
from opsroom_gateway.projections.messages import MessageProjection
from opsroom_gateway.transport.connection import ClientConnection
from opsroom_gateway.transport.encoding import text_frame
from opsroom_messaging.client.request_client import RequestClient
from opsroom_messaging.jetstream.stream_handler import Restart
from opsroom_messaging.jetstream.stream_reader import StreamMessage

_PREFIX = reads_subject("")
_EVERY_SECONDS = 1.0
"""The least time between two requests for one user."""
_CONCURRENT = 64
_TRIES = 8

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Reader:
    """A user with sockets here that want to know what is unread.

    Attributes:
        uses: how many sockets there are, those without a welcome yet included.
        sockets: those with a welcome.
        known: the highest position in each room that was reported, or is in every welcome since.
        waiting: positions to send on.
        rooms: rooms to count: the user has just joined them.
        all_rooms: all rooms are to be counted: the sockets do not know what is unread.
        task: sends them on.
    """

    uses: int = 0
    sockets: set[ClientConnection] = field(default_factory=set)
    known: dict[str, ReadPosition] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    rooms: set[str] = field(default_factory=set)
    all_rooms: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is something to send on or to count."""
        return bool(self.waiting or self.rooms or self.all_rooms)

    def take_positions(self) -> dict[str, int]:
        """Remove and return positions for one request."""
        positions = dict(list(self.waiting.items())[:POSITIONS_MAX])
        for room in positions:
            del self.waiting[room]
        return positions

    def take_rooms(self) -> tuple[str, ...] | None:
        """Remove and return rooms to count with one request; None: all of them."""
        if self.all_rooms:
            self.all_rooms = False
            self.rooms.clear()
            return None
        rooms = tuple(sorted(self.rooms)[:POSITIONS_MAX])
        self.rooms.difference_update(rooms)
        return rooms

    def put_back(self, rooms: tuple[str, ...] | None) -> None:
        """Count rooms later."""
        self.all_rooms = self.all_rooms or rooms is None
        self.rooms.update(rooms or ())


class ReadPositions:
    """Sends the positions of sockets to the chat service, and what is stored to the sockets of its user.

    Positions of one user are merged, and sent once a second at most. What was sent but not stored because
    the service failed for long is lost: the client sends it again when it reconnects.
    """

    def __init__(self, requester: RequestClient, messages: MessageProjection) -> None:
        """``messages``: what sockets have got."""
        self._requester = requester
        self._messages = messages
        self._readers: dict[str, _Reader] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._tasks: set[asyncio.Task[None]] = set()
        self.malformed = 0

    @staticmethod
    def is_mine(subject: str) -> bool:
        """Whether a record of the stream is one of these."""
        return subject.startswith(_PREFIX)

    async def open(self, user_id: str) -> Unread | None:
        """Count what a user has not read, for a welcome; None: it is not known now.

        A chat service may learn later or earlier than this process that the messages have been replaced.

        Follow with ``close`` when the socket has closed.
        """
        self._readers.setdefault(user_id, _Reader()).uses += 1
        request = UnreadRequest(user_id=user_id, at_least=self._messages.head)
        try:
            unread = await self._requester.request(endpoints.UNREAD, request)
        except FaultError as error:
            log.info("what %s has not read is not known: %s", user_id, error)
            return None
        return None if self._messages.is_of_other_epoch(unread.epoch) else unread

    def attach(self, socket: ClientConnection, user_id: str, unread: Unread | None) -> None:
        """Report positions to a socket that has been welcomed with ``unread``.

        Those that were stored in the meantime are reported now. Without ``unread``, counts are reported as
        soon as they are known.
        """
        reader = self._readers[user_id]
        if unread is None:
            reader.all_rooms = True
            self._start(user_id, reader)
        told = {} if unread is None else {one.room: one.read or 0 for one in unread.rooms}
        for room, position in reader.known.items():
            if position.seq > told.get(room, 0):
                socket.write(_notice(room, position))
        for room, seq in told.items():
            if room not in reader.known or seq > reader.known[room].seq:
                reader.known[room] = ReadPosition(seq=seq)
        reader.sockets.add(socket)

    def close(self, socket: ClientConnection, user_id: str) -> None:
        """Forget a socket."""
        reader = self._readers.get(user_id)
        if reader is None:
            return
        reader.sockets.discard(socket)
        reader.uses -= 1
        if not reader.uses and reader.task is None:
            del self._readers[user_id]

    def put(self, user_id: str, room: str, seq: int) -> None:
        """Send a position on, unless a higher one is stored. Of one that is stored, the client wants to know
        the counts again, with everything that it has received by now."""
        reader = self._readers.get(user_id)
        if reader is None:
            return
        known = reader.known.get(room)
        if known is not None and seq < known.seq:
            return
        if known is not None and seq == known.seq:
            reader.rooms.add(room)
        else:
            reader.waiting[room] = max(seq, reader.waiting.get(room, 0))
        self._start(user_id, reader)

    def on_person(self, user_id: str, joined: Collection[str], left: Collection[str]) -> None:
        """Report what is unread in rooms that a user has joined."""
        reader = self._readers.get(user_id)
        if reader is None:
            return
        for room in left:
            reader.known.pop(room, None)
        if joined:
            reader.rooms.update(joined)
            self._start(user_id, reader)

    def recount(self, user_id: str) -> None:
        """Report what is unread in all rooms of a user, because a socket of theirs has missed messages."""
        reader = self._readers.get(user_id)
        if reader is not None:
            reader.all_rooms = True
            self._start(user_id, reader)

    def on_reset(self) -> None:
        """Forget all positions, and report them again: the stream of messages may be another one.

        Its sequences may be lower than the positions that are known.
        """
        for user_id, reader in self._readers.items():
            reader.known.clear()
            reader.waiting.clear()
            self.recount(user_id)

    async def stop(self) -> None:
        """Cancel what is in progress."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def on_restart(self, restart: Restart) -> None:
        """Continue: records are complete, and a lower position changes nothing."""

    def on_message(self, message: StreamMessage) -> None:
        """Report the new positions of a record to the sockets of its user."""
        user_id = message.subject.removeprefix(_PREFIX)
        reader = self._readers.get(user_id)
        if reader is None:
            return  # the usual case, so nothing is decoded
        try:
            record = READ_POSITIONS.read(message.data)
        except ContractError as error:
            self.malformed += 1
            log.warning("skipped %s at %d: %s", message.subject, message.seq, error)
            return
        if self._messages.is_of_other_epoch(record.epoch):
            return  # what is newer is counted after the reset
        for room, position in record.rooms.items():
            known = reader.known.get(room)
            if known is None or position.seq > known.seq:
                self._report(reader, room, position)

    def on_synced(self) -> None:
        """Nothing: each record is reported when it arrives."""

    def on_trimmed(self, first_seq: int, horizon: datetime) -> bool:  # noqa: ARG002 - the port's signature
        """Nothing is lost with an old record."""
        return False

    def _report(self, reader: _Reader, room: str, position: ReadPosition) -> None:
        reader.known[room] = position
        data = _notice(room, position)
        for socket in reader.sockets:
            socket.write(data)

    def _start(self, user_id: str, reader: _Reader) -> None:
        if reader.task is None:
            reader.task = self._spawn(self._run(user_id, reader))

    async def _run(self, user_id: str, reader: _Reader) -> None:
        try:
            while reader.has_work and (reader.uses or reader.waiting):
                async with self._slots:
                    if positions := reader.take_positions():
                        await self._send(user_id, positions)
                    if reader.rooms or reader.all_rooms:
                        await self._count(user_id, reader, reader.take_rooms())
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            reader.task = None
            if not reader.uses:
                self._readers.pop(user_id, None)

    async def _send(self, user_id: str, positions: dict[str, int]) -> None:
        """Send positions on. Once they are stored, the record is reported."""
        request, epoch = ReadRequest(user_id=user_id, positions=positions), self._messages.epoch
        for _ in range(_TRIES):
            if self._messages.is_of_other_epoch(epoch):
                return  # the positions are of messages that have been replaced
            delay = _EVERY_SECONDS
            try:
                reply = await self._requester.request(endpoints.READ, request)
            except FaultError as error:
                if error.fault.code not in RETRYABLE:
                    log.info("positions of %s were refused: %s", user_id, error)
                    return
                delay = error.fault.retry_after or delay
            else:
                if not self._messages.is_of_other_epoch(reply.epoch):
                    return
            await asyncio.sleep(delay)
        log.warning("positions of %s were not stored", user_id)

    async def _count(self, user_id: str, reader: _Reader, rooms: tuple[str, ...] | None) -> None:
        """Report what is unread in ``rooms``. A room without a position gets one, as if all was read."""
        request = UnreadRequest(user_id=user_id, rooms=rooms, at_least=self._messages.head)
        try:
            reply = await self._requester.request(endpoints.UNREAD, request)
        except FaultError as error:
            log.info("what %s has not read is not known: %s", user_id, error)
            if error.fault.code in RETRYABLE:
                reader.put_back(rooms)
            return
        if self._messages.is_of_other_epoch(reply.epoch):
            reader.put_back(rooms)
            return
        for one in reply.rooms:
            if one.read is not None:
                self._report(reader, one.room, _position(one, reply.as_of))
            elif rooms is None:
                reader.waiting.setdefault(one.room, reply.as_of)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _position(one: RoomUnread, as_of: int) -> ReadPosition:
    return ReadPosition(seq=one.read or 0, unread=one.unread, mentions=one.mentions, as_of=as_of)


def _notice(room: str, position: ReadPosition) -> bytes:
    frame = ReadNotice(
        room=room,
        seq=position.seq,
        unread=position.unread,
        mentions=position.mentions,
        as_of=position.as_of,
    )
    return text_frame(encode(frame))
