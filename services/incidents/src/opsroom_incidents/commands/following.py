"""Cards of commands that follow their operations to the end."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from opsroom_contracts.cloud.models import OperationStatus
from opsroom_contracts.errors import FaultError
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.commands.posts import Posts
from opsroom_incidents.domain.operation_cards import has_ended, operation_card
from opsroom_runtime.duties import Duty, attempt_all

_INTERVAL = timedelta(seconds=2)
"""How often the operations of a command are looked at: they may end before they are due, or long after."""
_OPEN_MAX = 10_000
"""How many commands a process follows; the others are followed after a later scan."""

log = logging.getLogger(__name__)


class CardFollower:
    """Updates the card of each command once, when its operations have ended.

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

    def follow(self, plan: CommandPlan) -> None:
        """Follow a command whose card was posted."""
        if plan.message_id not in self._open and len(self._open) < _OPEN_MAX:
            self._open[plan.message_id] = plan
            self._next[plan.message_id] = min(_due_at(plan), self._clock() + _INTERVAL)
            self._followed.set()

    def duties(self) -> tuple[Duty, ...]:
        """Return the periodic work."""
        return (Duty("cards", self._check, 0.5, self._until_open), Duty("open commands", self._scan, 30.0))

    async def _scan(self) -> None:
        """Find commands that processes have left behind that are gone."""
        for plan in await self._plans.open():
            self.follow(plan)

    async def _until_open(self) -> None:
        while not self._open:
            self._followed.clear()
            await self._followed.wait()

    async def _check(self) -> None:
        now = self._clock()
        due = [plan for plan in self._open.values() if self._next[plan.message_id] <= now]
        for plan in due:
            self._next[plan.message_id] = now + _INTERVAL
        await attempt_all([partial(self._finish, plan) for plan in due])

    async def _finish(self, plan: CommandPlan) -> None:
        operations = [await self._cloud.operation(plan.steps[place].operation) for place in plan.accepted()]
        statuses = [OperationStatus.DONE if one is None else one.status for one in operations]
        if not has_ended(statuses):
            return
        try:
            await self._posts.card(plan.room, plan.thread, operation_card(plan, statuses, self._clock()))
        except FaultError as error:
            log.info("the card of a command was not updated: %s", error.fault.message)  # its room is gone
        await self._plans.close(plan)
        self._open.pop(plan.message_id, None)
        self._next.pop(plan.message_id, None)


def _due_at(plan: CommandPlan) -> datetime:
    return min((due for one in plan.results or () if (due := one.due_at) is not None), default=plan.said_at)
