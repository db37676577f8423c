"""Cards of commands that follow their operations to the end."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from opsroom_contracts.errors import FaultError
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.domain.operation_cards import (
    Standing,
    distance,
    first_standings,
    has_ended,
    operation_card,
    standing_of,
)
from opsroom_runtime.duties import Duty, attempt_all

_INTERVAL = timedelta(seconds=2)
"""How often the operations of a command are looked at: they may end before they are due, or long after."""
_SLOWEST = timedelta(seconds=30)
"""The longest time between two looks at operations that await approval."""
_SLOWER = 60
"""An operation is looked at again after this part of its age."""
_SCAN_SECONDS = 5.0
"""How often a process looks for commands of others that may have died: their cards stand still until then."""
_OPEN_MAX = 10_000
"""How many commands a process follows; the others are followed after a later scan."""

log = logging.getLogger(__name__)


class CardFollower:
    """Updates the card of each command with every decision about it, and when its operations have ended.

    Every process follows all open commands: an update that another one has made changes nothing.
    """

    def __init__(
        self, plans: Plans, cloud: CloudCommands, posts: Posts, clock: Callable[[], datetime]
    ) -> None:
        self._plans = plans
        self._cloud = cloud
        self._posts = posts
        self._clock = clock
        self._open: dict[str, CommandPlan] = {}
        self._next: dict[str, datetime] = {}
        self._followed = asyncio.Event()
        self._shown: dict[str, int] = {}

    def follow(self, plan: CommandPlan) -> None:
        """Follow a command whose card was posted."""
        if plan.message_id not in self._open and len(self._open) < _OPEN_MAX:
            self._open[plan.message_id] = plan
            self._next[plan.message_id] = min(_due_at(plan), self._clock() + _INTERVAL)
            self._followed.set()
            self._shown[plan.message_id] = distance(first_standings(plan))

    def duties(self) -> tuple[Duty, ...]:
        """Return the periodic work."""
        return (
            Duty("cards", self._check, 0.5, self._until_open),
            Duty("open commands", self._scan, _SCAN_SECONDS),
        )

    async def _scan(self) -> None:
        """Find commands that processes have left behind that are gone."""
        for plan in await self._plans.open(self._open):
            self.follow(plan)

    async def _until_open(self) -> None:
        while not self._open:
            self._followed.clear()
            await self._followed.wait()

    async def _check(self) -> None:
        now = self._clock()
        due = [plan for plan in self._open.values() if self._next[plan.message_id] <= now]
        for plan in due:
            self._next[plan.message_id] = now + _interval(plan, now)
        await attempt_all([partial(self._look, plan) for plan in due])

    async def _look(self, plan: CommandPlan) -> None:
        """Update the card of a command if its operations have ended, or somebody has decided about one."""
        operations = [await self._cloud.operation(plan.steps[place].operation) for place in plan.accepted()]
        standings = [standing_of(one) for one in operations]
        step = distance(standings)
        if not has_ended(standings):
            if step != self._shown.get(plan.message_id):
                await self._show(plan, standings, step)
                self._shown[plan.message_id] = step
            return
        await self._show(plan, standings, 0)
        await self._plans.close(plan)
        for kept in (self._open, self._next, self._shown):
            kept.pop(plan.message_id, None)

    async def _show(self, plan: CommandPlan, standings: list[Standing], step: int) -> None:
        card = operation_card(plan, standings, self._clock())
        key = f"card/{card.key}/{card.status}" + (f"/{step}" if step else "")
        try:
            await self._posts.card(plan.room, plan.thread, card, key)
        except FaultError as error:
            log.info("the card of a command was not updated: %s", error.fault.message)  # its room is gone


def _interval(plan: CommandPlan, now: datetime) -> timedelta:
    return min(_SLOWEST, max(_INTERVAL, (now - plan.said_at) / _SLOWER))


def _due_at(plan: CommandPlan) -> datetime:
    return min((due for one in plan.results or () if (due := one.due_at) is not None), default=plan.said_at)
