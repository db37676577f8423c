"""Writes messages as a chat process stores them, but not through one: a million would take minutes."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import to_milliseconds
from opsroom_contracts.subjects import CHAT_STREAM, message_subject
from opsroom_messaging.client.connection import connect
from opsroom_messaging.errors import UnavailableError
from opsroom_messaging.jetstream.writes import Write, WritePublisher

ROOM = "general"
SIZE = 200
_BATCH = 1000
_ATTEMPTS = 10
_RETRY_SECONDS = 1.0
_REPORTED = 100_000
_SENDERS = 100


def _same(_: int) -> str:
    return "x" * SIZE


async def fill(nats_url: str, numbers: range, text_of: Callable[[int], str] = _same) -> int:
    """Store one message for each number; return the last sequence of the stream.

    ``text_of``: the text of the message with a number; by default, all have the same of ``SIZE`` characters.

    Raises:
        UnavailableError: the broker did not store a batch in ten attempts.
    """
    broker = await connect(nats_url, name="bench")
    try:
        publisher = WritePublisher(broker)
        for start in range(0, len(numbers), _BATCH):
            await _store(publisher, numbers[start : start + _BATCH], text_of)
            stored = start + _BATCH
            if stored % _REPORTED == 0:
                print(f"bench: {stored:,} messages stored", file=sys.stderr, flush=True)
        return (await broker.jetstream.stream_info(CHAT_STREAM)).state.last_seq
    finally:
        await broker.close()


async def _store(publisher: WritePublisher, numbers: range, text_of: Callable[[int], str]) -> None:
    """Store a batch. One whose acknowledgement was late is stored twice, which is harmless here."""
    writes = [_write(number, text_of(number)) for number in numbers]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await publisher.store_together(writes)
        except UnavailableError:
            if attempt == _ATTEMPTS:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


def _write(number: int, text: str) -> Write:
    message_id = f"{number * 2654435761 % 2**64:032x}"
    sender = f"sender-{number % _SENDERS}"
    event = MessageEvent(
        id=message_id,
        room=ROOM,
        user=User(id=sender, name=sender),
        text=text,
        timestamp=to_milliseconds(datetime.now(UTC)),
        client_id=str(number),
    )
    return Write(message_subject(ROOM, message_id), encode(event))
