"""Backups of streams as ``nats backup`` makes them, and their restore, over the broker's API."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from opsroom_contracts.subjects import (
    AUDIT_STREAM,
    CHAT_STREAM,
    CLOUD_STREAM,
    FILES_STREAM,
    GATEWAYS_BUCKET,
    MEMBERS_STREAM,
)
from opsroom_messaging.client.connection import NatsConnection

STREAMS = (
    CHAT_STREAM,
    MEMBERS_STREAM,
    FILES_STREAM,
    CLOUD_STREAM,
    AUDIT_STREAM,
    f"KV_{GATEWAYS_BUCKET}",
)
_CHUNK_BYTES = 32 * 1024
"""Small: the broker gives up a restore if it can't write a chunk to a busy disk within five seconds."""
_NOT_FOUND = 404
_SECONDS = 30.0


@dataclass(slots=True)
class StreamBackup:
    """One stream at one moment. ``last``: its last sequence."""

    stream: str
    config: dict[str, Any]
    state: dict[str, Any]
    chunks: list[bytes] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The last sequence that it holds."""
        return int(self.state["last_seq"])


async def back_up(broker: NatsConnection, stream: str) -> StreamBackup:
    """Copy a stream while it is used.

    Raises:
        TimeoutError: the broker did not reply in time. ConnectionError: it refused.
    """
    client = broker.client
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    try:
        async with asyncio.timeout(_SECONDS):
            wanted = {"deliver_subject": inbox, "chunk_size": _CHUNK_BYTES}
            made = await _ask(broker, f"$JS.API.STREAM.SNAPSHOT.{stream}", wanted)
            found = StreamBackup(stream, made["config"], made["state"])
            async for message in subscription.messages:
                if not message.data:
                    break
                found.chunks.append(message.data)
                if message.reply:
                    await client.publish(message.reply)
            return found
    finally:
        await subscription.unsubscribe()


async def restore(broker: NatsConnection, backup: StreamBackup) -> None:
    """Put a stream back, in place of what there is.

    Raises:
        TimeoutError: the broker did not reply in time. ConnectionError: it refused.
    """
    async with asyncio.timeout(_SECONDS):
        await _delete(broker, backup.stream)
        wanted = {"config": backup.config, "state": backup.state}
        accepted = await _ask(broker, f"$JS.API.STREAM.RESTORE.{backup.stream}", wanted)
        target = accepted["deliver_subject"]
        for chunk in backup.chunks:
            await broker.client.request(target, chunk, timeout=_SECONDS)
        _checked(await broker.client.request(target, b"", timeout=_SECONDS))


async def _delete(broker: NatsConnection, stream: str) -> None:
    message = await broker.client.request(f"$JS.API.STREAM.DELETE.{stream}", b"", timeout=_SECONDS)
    reply = json.loads(message.data)
    if "error" in reply and reply["error"]["code"] != _NOT_FOUND:
        raise ConnectionError(str(reply["error"]))


async def _ask(broker: NatsConnection, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    return _checked(await broker.client.request(subject, json.dumps(body).encode(), timeout=_SECONDS))


def _checked(message: Any) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(message.data)
    if "error" in reply:
        raise ConnectionError(str(reply["error"]))
    return reply
