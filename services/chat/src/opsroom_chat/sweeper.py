"""Background cleanup: expired members, dead gateways, orphaned names, pending erasures, old records."""

import asyncio
import logging
from functools import partial

from opsroom_chat.domain import presence
from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.presence import Change, GracePeriods
from opsroom_chat.members.presence_handlers import Clock
from opsroom_chat.members.repository import MemberRepository
from opsroom_chat.messages.store import MessageStore
from opsroom_contracts.chat.models import LeaveReason, Member
from opsroom_contracts.errors import FaultError
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.leases import live_gateways
from opsroom_messaging.jetstream.superseded import SupersededMessages
from opsroom_runtime.duties import Duty, attempt_all, run_duties

_TICK_SECONDS = 0.2
_SLOW_TICK_SECONDS = 2.0
_RARE_TICK_SECONDS = 10.0
"""More often than the first records of an older release expire, after a minute."""
_MISSING_SECONDS = 6.0
"""A gateway is considered dead after its lease was continuously missing for this long.

Longer than a gateway takes to renew its lease: after a broker outage all leases have expired, and running
gateways need time to renew them."""

log = logging.getLogger(__name__)


class Sweeper:
    """Periodic cleanup. It runs in every chat process; optimistic locking prevents duplicate changes."""

    def __init__(
        self,
        broker: NatsConnection,
        members: MemberRepository,
        messages: MessageStore,
        superseded: SupersededMessages,
        grace_periods: GracePeriods,
        clock: Clock,
    ) -> None:
        self._broker = broker
        self._members = members
        self._messages = messages
        self._superseded = superseded
        self._grace_periods = grace_periods
        self._clock = clock
        self._missing_since: dict[str, float] = {}
        broker.on_reconnect(self._forget_missing)

    async def run(self) -> None:
        """Sweep until cancelled. The duties are independent: one that fails or hangs delays no other."""
        duties = (
            Duty("deadlines", self._sweep_deadlines, _TICK_SECONDS, self._members.until_expiring),
            Duty("erasures", self._messages.finish_erasures, _SLOW_TICK_SECONDS),
            Duty("dead gateways", self._sweep_gateways, _SLOW_TICK_SECONDS),
            Duty("orphaned names", self._sweep_names, _SLOW_TICK_SECONDS),
            Duty("names of older releases", self._claim_names, _SLOW_TICK_SECONDS),
            Duty("records of older releases", self._superseded.remove, _RARE_TICK_SECONDS),
        )
        await run_duties("sweeper", duties, self._broker.metrics, enabled=lambda: self._broker.connected)

    def _forget_missing(self) -> None:
        self._missing_since = {}

    async def _sweep_deadlines(self) -> None:
        now = self._clock()
        due = [m.user.id for m in self._members.index.expiring() if m.deadline and m.deadline <= now]

        def decide(member: Member | None) -> Change | None:
            return None if member is None else presence.expire(member, now, self._grace_periods)

        changes = [partial(self._members.change, user_id, decide) for user_id in due]
        await attempt_all(changes, expected=(FaultError,))

    async def _sweep_names(self) -> None:
        orphans = self._members.index.orphans()
        await attempt_all(
            [partial(self._members.release_name, key) for key in orphans], expected=(FaultError,)
        )

    async def _claim_names(self) -> None:
        index, incomplete = self._members.index, []
        for member in index.unchecked():
            if all(index.name(key) is not None for key in name_keys(member.user.name)):
                index.checked(member.user.id)
            else:
                incomplete.append(member.user.id)
        await attempt_all(
            [partial(self._members.claim_all_keys, user_id) for user_id in incomplete], expected=(FaultError,)
        )

    async def _sweep_gateways(self) -> None:
        now = asyncio.get_running_loop().time()
        members = list(self._members.index.connected())
        named = {connection.gateway for member in members for connection in member.connections}
        if not named:
            self._missing_since = {}
            return  # don't read leases if nobody is connected
        missing = named - await live_gateways(self._broker)
        self._missing_since = {gateway: self._missing_since.get(gateway, now) for gateway in missing}
        dead = {gateway for gateway, since in self._missing_since.items() if now - since >= _MISSING_SECONDS}
        if not dead:
            return
        orphans = [m.user.id for m in members if any(c.gateway in dead for c in m.connections)]
        log.warning("gateway %s died with %d connected users", ", ".join(sorted(dead)), len(orphans))

        def decide(member: Member | None) -> Change | None:
            if member is None:
                return None
            lost = frozenset(c.id for c in member.connections if c.gateway in dead)
            if not lost:
                return None
            return presence.leave(member, lost, LeaveReason.CLOSED, self._clock(), self._grace_periods)

        changes = [partial(self._members.change, user_id, decide) for user_id in orphans]
        await attempt_all(changes, expected=(FaultError,))
