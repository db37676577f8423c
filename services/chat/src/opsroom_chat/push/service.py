"""The notifications of one chat process: handlers, and the tasks that push."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.push.claims import Claims
from opsroom_chat.push.gate import Gate, PushReaders
from opsroom_chat.push.handlers import NotificationHandlers, PushPort
from opsroom_chat.push.recipients import Recipients
from opsroom_chat.push.records import NotificationRecords
from opsroom_chat.push.sender import PushSender, PushTools
from opsroom_chat.push.sweep import PushSweep
from opsroom_chat.push.vapid import Vapid
from opsroom_chat.settings import ChatSettings
from opsroom_contracts.errors import FaultError
from opsroom_contracts.subjects import CHAT_STREAM
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import MessagingError
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_messaging.jetstream.stream_subscription import StreamSubscription
from opsroom_runtime.duties import Duty, run_duties
from opsroom_runtime.outbound.client import OutboundClient, outbound_client
from opsroom_runtime.process import run_tasks

_SWEEP_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 10.0
_OPEN_SECONDS: Final = 5.0
OUTCOMES: Final = (
    *("sent", "uncertain", "failed", "refused", "gone"),
    *("read", "quiet", "removed", "unwanted", "signed_out", "limited", "overload"),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushParts:
    """What a chat process has anyway.

    ``messages``: its subscription to them. ``delivering``: the connection that they are read over.
    """

    records: NotificationRecords
    readers: PushReaders
    clock: Clock
    messages: StreamSubscription
    delivering: NatsConnection
    open_rooms: frozenset[str]


class Pushes:
    """Handlers of settings and subscriptions, and the work behind them. Without keys, nothing is pushed."""

    def __init__(
        self, broker: NatsConnection, parts: PushParts, settings: ChatSettings, transport: OutboundClient
    ) -> None:
        self._broker = broker
        self._parts = parts
        self._settings = settings
        self._transport = transport
        self._vapid: Vapid | None = None
        reader = StreamReader(parts.delivering, CHAT_STREAM)
        self._claims = Claims(parts.records, reader, parts.messages, uuid4().hex)
        members = parts.readers.members
        self._recipients = Recipients(lambda: members.index, parts.open_rooms)
        self._gate = Gate(self._recipients, parts.readers, parts.clock)
        self.handlers = NotificationHandlers(
            parts.records,
            members,
            push=PushPort(
                lambda: None if self._vapid is None else self._vapid.public_key,
                self._claims.begin,
                settings.push_private,
            ),
            open_rooms=parts.open_rooms,
            clock=parts.clock,
        )
        self._outcomes = broker.metrics.counter(
            "push", "Notifications of one person by their outcome.", ("outcome",)
        )
        for outcome in OUTCOMES:
            self._outcomes.add(outcome, amount=0)

    async def open(self) -> None:
        """Read the keys, or make them; if that fails now, ``run`` tries again."""
        if not self._settings.push or self._vapid is not None:
            return
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                identity = await self._parts.records.identity(self._parts.clock())
        except (MessagingError, FaultError, TimeoutError) as error:
            log.warning("nothing is pushed before the keys of push services are known: %s", error)
            return
        self._vapid = Vapid(identity, self._settings.push_contact)

    async def run(self) -> None:
        """Push until cancelled."""
        while self._settings.push and self._vapid is None:
            await asyncio.sleep(_RETRY_SECONDS)
            await self.open()
        if self._vapid is None:
            await asyncio.Event().wait()
            return
        members = self._parts.readers.members
        tools = PushTools(
            self._vapid, self._transport, self._parts.records, self._outcomes, self._parts.clock
        )
        delay = self._settings.push_delay_seconds
        sender = PushSender(
            self._claims, self._recipients, self._gate, tools, index=lambda: members.index, delay=delay
        )
        sweep = PushSweep(self._gate, self._parts.records, lambda: members.index)
        duty = Duty("devices that get pushes", sweep.sweep, _SWEEP_SECONDS)
        duties = run_duties(
            "notifications", (duty,), self._broker.metrics, enabled=lambda: self._broker.connected
        )
        async with run_tasks(None, sender=sender.run(), duties=duties) as failed:
            await failed.wait()


@asynccontextmanager
async def pushes(broker: NatsConnection, parts: PushParts, settings: ChatSettings) -> AsyncIterator[Pushes]:
    """Open the notifications, and close their connections at the end."""
    async with outbound_client(allow_private=settings.push_private) as transport:
        opened = Pushes(broker, parts, settings, transport)
        await opened.open()
        yield opened
