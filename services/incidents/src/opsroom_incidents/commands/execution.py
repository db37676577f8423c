"""Doing commands for servers, so that each step is done once however often it is begun."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from opsroom_contracts.cloud.ids import operation_id_of
from opsroom_contracts.cloud.models import Operation, OperationStatus
from opsroom_contracts.errors import ErrorCode, FaultError
from opsroom_contracts.incidents.commands import (
    SERVERS_MAX,
    Approve,
    ChangeServers,
    CreateServer,
    Deny,
    Targets,
    Undo,
)
from opsroom_contracts.incidents.plans import MESSAGE_MAX, CommandPlan, PlannedStep, StepResult
from opsroom_contracts.text import clip
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.decisions import Decision, Decisions
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.commands.said import RefusalError, Said, selected
from opsroom_messaging.errors import UnavailableError

_CONCURRENT: Final = 10
"""Steps of one command that are done at the same time."""
Doing = CreateServer | ChangeServers | Decision
"""Commands that change something."""


class Executor:
    """Plans commands and does them. ``lateness``: a step that was not begun by then is not done."""

    def __init__(
        self, cloud: CloudCommands, plans: Plans, clock: Callable[[], datetime], lateness: timedelta
    ) -> None:
        self._cloud = cloud
        self._plans = plans
        self._decisions = Decisions(cloud, plans)
        self._clock = clock
        self._lateness = lateness

    async def execute(self, command: Doing, said: Said) -> CommandPlan:
        """Do a command and return its plan with the results, which are stored.

        Raises:
            RefusalError: nothing can be done.
            UnavailableError: not all is decided; calling it again goes on.
        """
        plan = await self._plans.find(said.message_id)
        if plan is None:
            self.check_on_time(said)
            plan = await self._plans.begin(await self._plan(command, said))
        if plan.results is not None:
            return plan
        slots = asyncio.Semaphore(_CONCURRENT)

        async def result(place: int, step: PlannedStep) -> StepResult | UnavailableError:
            async with slots:
                return await self._result(command, said, place, step)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(result(place, step)) for place, step in enumerate(plan.steps)]
        results: list[StepResult] = []
        for task in tasks:
            outcome = task.result()
            if isinstance(outcome, UnavailableError):
                raise outcome
            results.append(outcome)
        return await self._plans.finish(plan.model_copy(update={"results": tuple(results)}))

    def check_on_time(self, said: Said) -> None:
        """Check that a command that was not begun may still be done.

        Raises:
            RefusalError: it is too late.
        """
        if self._is_late(said):
            minutes = int((self._clock() - said.at).total_seconds() // 60)
            raise RefusalError(f"/{said.name} was not done: nobody was there to do it for {minutes} minutes.")

    def _is_late(self, said: Said) -> bool:
        return self._clock() - said.at > self._lateness

    async def _plan(self, command: Doing, said: Said) -> CommandPlan:
        match command:
            case CreateServer():
                steps = [_step(said, 0, None, command.name)]
            case ChangeServers():
                servers = await self._servers(command.targets)
                steps = [_step(said, place, *server) for place, server in enumerate(servers)]
            case Undo() | Approve() | Deny():
                steps = await self._decisions.steps(command, said)
            case _:
                assert_never(command)
        return CommandPlan(
            message_id=said.message_id,
            room=said.room,
            thread=said.thread,
            name=said.name,
            identity=said.caller.identity,
            said_at=said.at,
            steps=tuple(steps),
        )

    async def _servers(self, targets: Targets) -> list[tuple[str, str]]:
        """Return what to command, and what to call it: the servers that the selector matches now, or names.

        Names are taken as they were said; the cloud service knows them.
        """
        if targets.selector is None:
            return [(name, name) for name in targets.names]
        found = selected(await self._cloud.instances(), targets)
        if len(found) > SERVERS_MAX:
            raise RefusalError(
                f"That selects {len(found)} servers; {SERVERS_MAX} are allowed. Nothing was done."
            )
        return [(one.id, one.name) for one in found]

    async def _result(
        self, command: Doing, said: Said, place: int, step: PlannedStep
    ) -> StepResult | UnavailableError:
        try:
            operation = await self._do(command, said, place, step)
        except FaultError as error:
            return await self._refused(command, step, error)
        except UnavailableError as error:
            return error  # the other steps go on
        if operation is None:
            return StepResult(code=ErrorCode.REQUEST_TIMEOUT, message="not done: it is too late")
        return StepResult(
            instance_id=operation.instance_id,
            due_at=operation.due_at if isinstance(command, CreateServer | ChangeServers) else None,
            is_awaiting=operation.status is OperationStatus.AWAITING_APPROVAL or None,
        )

    async def _refused(
        self, command: Doing, step: PlannedStep, error: FaultError
    ) -> StepResult | UnavailableError:
        fault = error.fault
        try:
            is_new = isinstance(command, CreateServer | ChangeServers)
            message = fault.message if is_new else await self._decisions.explain(step, fault)
        except UnavailableError as unavailable:
            return unavailable
        return StepResult(code=fault.code, message=clip(message, MESSAGE_MAX))

    async def _do(self, command: Doing, said: Said, place: int, step: PlannedStep) -> Operation | None:
        """Do one step; None: it is too late to begin it, and nobody has."""
        key = client_id(said.message_id, place)
        match command:
            case Undo() | Approve() | Deny():
                if self._is_late(said):
                    return await self._decisions.has_decided(command, step, said)
                return await self._decisions.decide(command, step, said)
            case _ if self._is_late(said):
                return await self._cloud.operation(step.operation)
            case CreateServer():
                return await self._cloud.create(command, key, said.caller)
            case ChangeServers():
                return await self._cloud.change(command.command, step.server or "", key, said.caller)
            case _:
                assert_never(command)


def client_id(message_id: str, place: int) -> str:
    """Return the idempotency key of one step. Clients of the API can't choose such a key."""
    return f"chat/{message_id}/{place}"


def _step(said: Said, place: int, server: str | None, name: str | None) -> PlannedStep:
    operation = operation_id_of(client_id(said.message_id, place))
    return PlannedStep(server=server, name=name, operation=operation)
