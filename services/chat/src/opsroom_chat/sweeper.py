"""What is done without being asked: people whose time ran out, gateways that died, texts left to erase."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from opsroom_chat.domain import presence as people
from opsroom_chat.domain.presence import Change, GracePeriods
from opsroom_chat.member_repository import MemberRepository
from opsroom_chat.message_removal import MessageRemoval
from opsroom_chat.presence_handlers import Clock
from opsroom_contracts.chat import LeaveReason, Member
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.errors import OverloadedError, UnavailableError
from opsroom_messaging.jetstream.leases import live_gateways

_TICK_SECONDS = 0.2
_LEASES_EVERY_SECONDS = 2.0
_MISSING_SECONDS = 6.0
"""A gateway is dead once its lease was missing this long without a break.

Longer than a gateway takes to renew: after an outage of the broker every lease has run out,
and those who live must have time to say so."""
_AT_ONCE = 500

log = logging.getLogger(__name__)


class Sweeper:
    """Runs in every chat process; what two of them decide at once is stored once, by its guard."""

    def __init__(
        self,
        broker: NatsConnection,
        members: MemberRepository,
        removing: MessageRemoval,
        graces: GracePeriods,
        clock: Clock,
    ) -> None:
        self._broker = broker
        self._members = members
        self._removing = removing
        self._graces = graces
        self._clock = clock
        self._missing_since: dict[str, float] = {}
        broker.on_reconnect(self._forget_missing)

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        leases_at = loop.time()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if not self._broker.connected:
                continue
            try:
                await self._sweep_deadlines()
                if loop.time() >= leases_at:
                    leases_at = loop.time() + _LEASES_EVERY_SECONDS
                    await self._removing.finish()
                    await self._sweep_gateways(loop.time())
                    await self._sweep_names()
            except UnavailableError as error:
                log.warning("sweeping again later: %s", error)

    def _forget_missing(self) -> None:
        self._missing_since = {}

    async def _sweep_deadlines(self) -> None:
        now = self._clock()
        due = [m.user.id for m in self._members.index.expiring() if m.deadline and m.deadline <= now]

        def decide(member: Member | None) -> Change | None:
            return None if member is None else people.expire(member, now, self._graces)

        await _all(self._members.change(user_id, decide) for user_id in due[:_AT_ONCE])

    async def _sweep_names(self) -> None:
        orphans = self._members.index.orphans()
        await _all(self._members.release_name(key) for key in orphans[:_AT_ONCE])

    async def _sweep_gateways(self, now: float) -> None:
        members = list(self._members.index.connected())
        named = {connection.gateway for member in members for connection in member.connections}
        if not named:
            self._missing_since = {}
            return  # an idle portal need not ask the broker
        missing = named - await live_gateways(self._broker)
        self._missing_since = {gateway: self._missing_since.get(gateway, now) for gateway in missing}
        dead = {gateway for gateway, since in self._missing_since.items() if now - since >= _MISSING_SECONDS}
        if not dead:
            return
        orphans = [m.user.id for m in members if any(c.gateway in dead for c in m.connections)]
        log.warning("gateway %s died with %d people on it", ", ".join(sorted(dead)), len(orphans))

        def decide(member: Member | None) -> Change | None:
            if member is None:
                return None
            lost = frozenset(c.id for c in member.connections if c.gateway in dead)
            if not lost:
                return None
            return people.leave(member, lost, LeaveReason.CLOSED, self._clock(), self._graces)

        for start in range(0, len(orphans), _AT_ONCE):
            batch = orphans[start : start + _AT_ONCE]
            await _all(self._members.change(user_id, decide) for user_id in batch)


async def _all(changes: Iterable[Awaitable[object]]) -> None:
    """Make all changes side by side; what fails is logged and comes up again at the next sweep."""
    for outcome in await asyncio.gather(*changes, return_exceptions=True):
        if isinstance(outcome, FaultError | OverloadedError | UnavailableError):
            log.warning("a sweep will be repeated: %s", outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
