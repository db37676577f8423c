"""Pushing new messages to devices: each message by one process, at most once to each device."""

import asyncio
import logging
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from opsroom_chat.domain.member_index import MemberIndex
from opsroom_chat.log.keys import room_of
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.push.claims import Claims
from opsroom_chat.push.encryption import encrypt, receiver_of
from opsroom_chat.push.gate import Gate, Pushable
from opsroom_chat.push.handlers import without_device
from opsroom_chat.push.recipients import Recipients
from opsroom_chat.push.records import NotificationRecords
from opsroom_chat.push.vapid import Vapid
from opsroom_contracts.chat.events import CHAT_EVENT, MessageEvent
from opsroom_contracts.chat.notifications import PushDevice, PushPayload, PushReason
from opsroom_contracts.errors import FaultError
from opsroom_contracts.serialization.codec import ContractError, encode
from opsroom_messaging.errors import MessagingError
from opsroom_messaging.jetstream.stream_reader import StreamMessage
from opsroom_runtime import ticks
from opsroom_runtime.failure_log import FailureLog
from opsroom_runtime.metrics import Counter
from opsroom_runtime.outbound.client import NotSentError, OutboundClient, Outcome, UncertainError
from opsroom_runtime.token_bucket import Rate, TokenBuckets

_MENTIONS: Final = b'"mentions"'
_GATHER_SECONDS: Final = 0.1
"""Messages that come within it are taken together."""
_WAIT_SECONDS: Final = 2.0
_IDLE_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0
_STALE: Final = timedelta(minutes=10)
"""Nobody is notified of older messages: they waited while no process was there to push them."""
_LIFE_SECONDS: Final = 4 * 3600
"""How long a push service keeps a push for a device that is offline."""
_PENDING_MAX: Final = 2_000
"""Pushes of one process that wait or are being sent; further ones are dropped."""
_PERSON: Final = Rate(per_second=0.2, burst=20.0)
"""Pushes to one person by one process. Beyond it they are dropped: the counts of unread messages stay."""
_ATTEMPTS: Final = 3
_DELAYS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 30.0
_PAUSED_MAX: Final = 10_000
_GONE: Final = frozenset({404, 410})
_BUSY: Final = frozenset({429, 503})
_STOP_SECONDS: Final = 4.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushTools:
    """What a push is made with, and where it goes. ``outcomes`` counts pushes by their outcome."""

    vapid: Vapid
    transport: OutboundClient
    records: NotificationRecords
    outcomes: Counter
    clock: Clock


class PushSender:
    """Takes each message once, waits a moment for it to be read, and pushes it to those it concerns.

    ``delay``: seconds to wait for people who are connected: they may be reading it.
    """

    def __init__(
        self,
        claims: Claims,
        recipients: Recipients,
        gate: Gate,
        tools: PushTools,
        *,
        index: Callable[[], MemberIndex],
        delay: float,
    ) -> None:
        self._claims = claims
        self._recipients = recipients
        self._gate = gate
        self._tools = tools
        self._index = index
        self._delay = delay
        self._outcomes = tools.outcomes
        self._buckets = TokenBuckets(_PERSON)
        self._paused: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Push until cancelled; then finish what has been taken."""
        failure_log = FailureLog(log, "taking messages to push", level=logging.INFO)
        try:
            while True:
                if not any(True for _ in self._index().notifications.reachable()):
                    await ticks.sleep(_IDLE_SECONDS)  # nobody wants pushes, so no messages are read
                    continue
                try:
                    messages = await self._claims.take(_WAIT_SECONDS)
                except (MessagingError, FaultError) as error:
                    failure_log.failed(str(error))
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                failure_log.succeeded()
                for message in messages:
                    self._take(message)
                if messages:
                    await asyncio.sleep(_GATHER_SECONDS)
        finally:
            await self._finish()

    async def _finish(self) -> None:
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()

    def _take(self, message: StreamMessage) -> None:
        """Start the pushes of one stored event. Only new messages have any."""
        if _MENTIONS not in message.data and not self._recipients.is_heard(room_of(message.subject)):
            return  # the usual case, so nothing is decoded
        try:
            event = CHAT_EVENT.read(message.data)
        except ContractError:
            return  # a newer release stored it, and pushes it
        is_new = isinstance(event, MessageEvent) and event.imported is None
        if not isinstance(event, MessageEvent) or not is_new or self._tools.clock() - message.at > _STALE:
            return
        now = asyncio.get_running_loop().time()
        for user_id, reason in self._recipients.of(event).items():
            if len(self._tasks) >= _PENDING_MAX:
                self._outcomes.add("overload")
            elif self._buckets.acquire(user_id, now) > 0:
                self._outcomes.add("limited")
            else:
                self._start(self._push(Pushable(event, message.seq, message.at), user_id, reason))

    def _start(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except (MessagingError, FaultError) as error:
                self._outcomes.add("failed")
                log.info("a push is dropped: %s", error)
            except Exception:  # the boundary: other pushes go on
                self._outcomes.add("failed")
                log.exception("a push failed")

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _push(self, message: Pushable, user_id: str, reason: PushReason) -> None:
        entry = self._index().member(user_id)
        if entry is not None and entry.member.connections:
            await self._pause(self._delay)
        found = await self._gate.check(message, user_id)
        if isinstance(found, str):
            self._outcomes.add(found)
            return
        payload = PushPayload(
            reason=reason,
            room=message.event.room,
            room_name=None if reason is PushReason.DIRECT else self._recipients.name(message.event.room),
            id=message.event.id,
            seq=message.seq,
            thread=message.event.thread,
            sender=message.event.user.name,
            text=found.text,
            unread=found.unread,
        )
        sends = (self._send(user_id, device, payload) for device in found.devices)
        for outcome in await asyncio.gather(*sends):
            self._outcomes.add(outcome)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not while the process stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _send(self, user_id: str, device: PushDevice, payload: PushPayload) -> str:
        """Send one push; return its outcome.

        It is sent again only if the push service has refused it, or was not reached: never if it may have it.
        """
        if self._is_paused(device.endpoint):
            return "failed"
        body = encrypt(encode(payload), receiver_of(device.keys))
        urgency = "normal" if payload.reason is PushReason.MESSAGE else "high"
        for attempt in range(1, _ATTEMPTS + 1):
            headers: dict[str | bytes, str | bytes] = {
                "TTL": str(_LIFE_SECONDS),
                "Urgency": urgency,
                "Topic": _topic(payload.room),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "Authorization": self._tools.vapid.authorization(
                    device.endpoint, device.contact, self._tools.clock()
                ),
            }
            delay = float(2**attempt)
            try:
                outcome = await self._tools.transport.post(device.endpoint, headers, body)
            except UncertainError as error:
                log.info("a push may be lost: %s", error)
                self._pause_endpoint(device.endpoint)
                return "uncertain"
            except NotSentError as error:
                log.info("a push service can't be reached: %s", error)
            else:
                if outcome.status not in _BUSY:
                    return await self._on_outcome(user_id, device, outcome)
                delay = outcome.retry_after or delay
            if attempt == _ATTEMPTS or delay > _DELAYS_MAX or self._stopping.is_set():
                break
            await self._pause(delay)
        self._pause_endpoint(device.endpoint)
        return "failed"

    def _pause_endpoint(self, endpoint: str) -> None:
        """Leave an endpoint alone for a while: one that hangs must not occupy all connections."""
        if len(self._paused) >= _PAUSED_MAX:
            self._paused.clear()
        self._paused[endpoint] = asyncio.get_running_loop().time() + _PAUSE_SECONDS

    def _is_paused(self, endpoint: str) -> bool:
        return asyncio.get_running_loop().time() < self._paused.get(endpoint, 0.0)

    async def _on_outcome(self, user_id: str, device: PushDevice, outcome: Outcome) -> str:
        if 200 <= outcome.status < 300:
            return "sent"
        if outcome.status in _GONE:
            record, seq = await self._tools.records.change_devices(
                user_id,
                lambda before: (
                    without_device(before, device.token_hash) if device in before.devices else before
                ),
            )
            if seq:
                self._index().notifications.put_devices(record, seq)
            return "gone"
        log.warning("a push service refuses a push with %d", outcome.status)
        return "refused"


def _topic(room: str) -> str:
    """Return the topic of a room: of the pushes that wait for a device, only the last of a topic is kept."""
    return urlsafe_b64encode(sha256(room.encode()).digest()[:18]).decode()
