"""Doing commands for servers, so that each step is done once however often it is begun."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, assert_never

from opsroom_contracts.cloud.ids import operation_id_of
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.cloud.selectors import matches, read_selector
from opsroom_contracts.errors import ErrorCode, Fault, FaultError
from opsroom_contracts.incidents.calls import CommandCaller
from opsroom_contracts.incidents.commands import SERVERS_MAX, ChangeServers, CreateServer, Targets, Undo
from opsroom_contracts.incidents.plans import MESSAGE_MAX, CommandPlan, PlannedStep, StepResult
from opsroom_contracts.serialization.model import RoomName
from opsroom_contracts.text import clip
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.plans import Plans
from opsroom_messaging.errors import UnavailableError

_CONCURRENT: Final = 10
"""Steps of one command that are done at the same time."""
Doing = CreateServer | ChangeServers | Undo
"""Commands that change something."""


@dataclass(frozen=True, slots=True)
class Said:
    """A command as it was said. ``name``: the word after the slash. ``user_id``: who said it."""

    message_id: str
    user_id: str
    room: RoomName
    thread: str | None
    name: str
    caller: CommandCaller
    at: datetime


class RefusalError(Exception):
    """A command can't be planned; the message is the reply."""


class Executor:
    """Plans commands and does them. ``lateness``: a step that was not begun by then is not done."""

    def __init__(
        self, cloud: CloudCommands, plans: Plans, clock: Callable[[], datetime], lateness: timedelta
    ) -> None:
        self._cloud = cloud
        self._plans = plans
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
            case Undo():
                steps = await self._undone(command, said)
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

    async def _undone(self, command: Undo, said: Said) -> list[PlannedStep]:
        """Return the operations to undo: those that are pending for servers, or of the last command."""
        if command.targets is None:
            return await self._last_steps(said)
        found = selected(await self._cloud.instances(), command.targets)
        steps = [
            PlannedStep(server=one.id, name=one.name, operation=one.pending.id)
            for one in found
            if one.pending is not None
        ]
        if not steps:
            raise RefusalError("There is nothing to undo: no operation of these servers is pending.")
        return steps[:SERVERS_MAX]

    async def _last_steps(self, said: Said) -> list[PlannedStep]:
        last = await self._plans.last(said.room, said.thread, said.caller.identity)
        results = () if last is None else last.results or ()
        steps = () if last is None else last.steps
        accepted = [step for step, result in zip(steps, results, strict=True) if result.code is None]
        if not accepted:
            raise RefusalError("There is nothing to undo here. For a server: /undo SERVER")
        return accepted

    async def _result(
        self, command: Doing, said: Said, place: int, step: PlannedStep
    ) -> StepResult | UnavailableError:
        try:
            operation = await self._do(command, said, place, step)
        except FaultError as error:
            return _refused(error.fault)
        except UnavailableError as error:
            return error  # the other steps go on
        if operation is None:
            return StepResult(code=ErrorCode.REQUEST_TIMEOUT, message="not done: it is too late")
        due_at = None if isinstance(command, Undo) else operation.due_at
        return StepResult(instance_id=operation.instance_id, due_at=due_at)

    async def _do(self, command: Doing, said: Said, place: int, step: PlannedStep) -> Operation | None:
        """Do one step; None: it is too late to begin it, and nobody has."""
        if self._is_late(said):
            return await self._begun(command, step)
        key = client_id(said.message_id, place)
        match command:
            case CreateServer():
                return await self._cloud.create(command, key, said.caller)
            case ChangeServers():
                return await self._cloud.change(command.command, step.server or "", key, said.caller)
            case Undo():
                return await self._cloud.cancel(step.operation, said.caller)
            case _:
                assert_never(command)

    async def _begun(self, command: Doing, step: PlannedStep) -> Operation | None:
        operation = await self._cloud.operation(step.operation)
        is_undone = operation is not None and operation.status is OperationStatus.CANCELLED
        return operation if not isinstance(command, Undo) or is_undone else None


def client_id(message_id: str, place: int) -> str:
    """Return the idempotency key of one step. Clients of the API can't choose such a key."""
    return f"chat/{message_id}/{place}"


def selected(instances: tuple[Instance, ...], targets: Targets) -> list[Instance]:
    """Return the servers that ``targets`` select, sorted by name.

    Raises:
        RefusalError: a name or an id is not that of a server.
    """
    if targets.selector is not None:
        wanted = read_selector(targets.selector)
        return [one for one in instances if matches(wanted, one.labels)]
    by_key = {**{one.name: one for one in instances}, **{one.id: one for one in instances}}
    missing = [name for name in targets.names if name not in by_key]
    if missing:
        raise RefusalError(f"There is no server {', '.join(f'`{name}`' for name in missing[:10])}.")
    found = {by_key[name].id: by_key[name] for name in targets.names}
    return sorted(found.values(), key=lambda one: (one.name, one.id))


def _step(said: Said, place: int, server: str | None, name: str | None) -> PlannedStep:
    operation = operation_id_of(client_id(said.message_id, place))
    return PlannedStep(server=server, name=name, operation=operation)


def _refused(fault: Fault) -> StepResult:
    return StepResult(code=fault.code, message=clip(fault.message, MESSAGE_MAX))
