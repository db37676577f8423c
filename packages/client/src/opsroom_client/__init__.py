"""A typed, async client of Opsroom's ``/api/v1``.

::

    async with Opsroom("http://127.0.0.1:8000") as opsroom:
        me = await opsroom.register("alice")
        async with opsroom.chat(me.token) as chat:
            await chat.send("hello")  # returns once it is stored
            async for frame in chat:  # reconnects by itself and resumes after the last sequence seen
                ...

Requests and sends have an id, so retries with the same id are harmless: the client's own, and yours. Retries
use exponential backoff with full jitter. Models are those of ``opsroom_contracts``. For exceptions see
:mod:`opsroom_client.errors`.
"""

from opsroom_client.chat import Chat, ChatEvent
from opsroom_client.client import Opsroom
from opsroom_client.cloud import Cloud, EventFilter
from opsroom_client.errors import (
    ClosedError,
    NotAcknowledgedError,
    OpsroomError,
    RequestRejectedError,
    UnexpectedResponseError,
    UnreachableError,
)
from opsroom_client.event_stream import CloudChange, OnConnection
from opsroom_client.position import Position
from opsroom_client.search import SearchFilter

__all__ = [
    "Chat",
    "ChatEvent",
    "ClosedError",
    "Cloud",
    "CloudChange",
    "EventFilter",
    "NotAcknowledgedError",
    "OnConnection",
    "Opsroom",
    "OpsroomError",
    "Position",
    "RequestRejectedError",
    "SearchFilter",
    "UnexpectedResponseError",
    "UnreachableError",
]
