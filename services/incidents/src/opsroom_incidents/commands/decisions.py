"""Decisions about operations that there are already: undo, approve and deny."""

from collections.abc import Sequence
from typing import assert_never

from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.errors import ErrorCode, Fault
from opsroom_contracts.incidents.commands import SERVERS_MAX, Approve, Deny, Undo
from opsroom_contracts.incidents.plans import CommandPlan, PlannedStep
from opsroom_incidents.commands.cloud import CloudCommands
from opsroom_incidents.commands.plans import Plans
from opsroom_incidents.commands.said import RefusalError, Said, selected
from opsroom_incidents.domain.results import what_became_of

Decision = Undo | Approve | Deny


class Decisions:
    """Finds the operations that a decision is about, and decides.

    Methods raise UnavailableError if the cloud service or the broker does not reply.
    """

    def __init__(self, cloud: CloudCommands, plans: Plans) -> None:
        self._cloud = cloud
        self._plans = plans

    async def steps(self, decision: Decision, said: Said) -> list[PlannedStep]:
        """Return the operations to decide about.

        Raises:
            RefusalError: there is none.
        """
        if isinstance(decision, Undo):
            return await self._undone(decision, said)
        return await self._decided(decision.target)

    async def decide(self, decision: Decision, step: PlannedStep, said: Said) -> Operation:
        """Decide about one operation; doing it again returns the same.

        Raises:
            FaultError: the cloud service refuses it.
        """
        match decision:
            case Undo():
                return await self._cloud.cancel(step.operation, said.caller)
            case Approve():
                return await self._cloud.approve(step.operation, decision.alone, said.caller)
            case Deny():
                return await self._cloud.deny(step.operation, decision.reason, said.caller)
            case _:
                assert_never(decision)

    async def has_decided(self, decision: Decision, step: PlannedStep, said: Said) -> Operation | None:
        """Return the operation if an earlier attempt has decided about it; None if not."""
        operation = await self._cloud.operation(step.operation)
        if operation is None:
            return None
        match decision:
            case Undo():
                is_decided = operation.status is OperationStatus.CANCELLED
            case Approve():
                approval = operation.approval
                is_decided = approval is not None and said.caller.actor in approval.approved_by
            case Deny():
                is_decided = operation.status is OperationStatus.DENIED
            case _:
                assert_never(decision)
        return operation if is_decided else None

    async def explain(self, step: PlannedStep, fault: Fault) -> str:
        """Return why the cloud service has refused a decision, as the reply says it."""
        if fault.code is ErrorCode.NOT_AWAITING:
            operation = await self._cloud.operation(step.operation)
            if operation is not None:
                return what_became_of(operation)
        return fault.message.removeprefix(f"operation {step.operation}").lstrip(": ")

    async def _undone(self, command: Undo, said: Said) -> list[PlannedStep]:
        """Return the operations to undo: those that are pending for servers, or of the last command."""
        if command.targets is None:
            return await self._last_steps(said)
        steps = _pending(selected(await self._cloud.instances(), command.targets))
        if not steps:
            raise RefusalError("There is nothing to undo: no operation of these servers is pending.")
        return steps[:SERVERS_MAX]

    async def _last_steps(self, said: Said) -> list[PlannedStep]:
        last = await self._plans.last(said.room, said.thread, said.caller.identity)
        accepted = [] if last is None else _accepted(last)
        if not accepted:
            raise RefusalError("There is nothing to undo here. For a server: /undo SERVER")
        return accepted

    async def _decided(self, target: str) -> list[PlannedStep]:
        """Return what to approve or deny: an operation, those of a command, or the one of a server.

        An id is looked for before a name: a server could have been given the id of an operation as its name.
        """
        instances = await self._cloud.instances()
        pending = _pending(instances)
        found = [step for step in pending if step.operation == target]
        if found:
            return found
        plan = await self._plans.find(target)
        if plan is not None:
            return _of_command(plan, instances)
        server = next((one for one in instances if target in {one.name, one.id}), None)
        if server is not None:
            steps = [step for step in pending if step.server == server.id]
            if not steps:
                raise RefusalError(f"Nothing of `{server.name}` awaits approval.")
            return steps
        operation = await self._cloud.operation(target)
        if operation is None:
            raise RefusalError(f"There is no server and no operation `{target}`.")
        name = next((one.name for one in instances if one.id == operation.instance_id), None)
        return [PlannedStep(server=operation.instance_id, name=name, operation=target)]


def _pending(instances: Sequence[Instance]) -> list[PlannedStep]:
    return [
        PlannedStep(server=one.id, name=one.name, operation=one.pending.id)
        for one in instances
        if one.pending is not None
    ]


def _accepted(plan: CommandPlan) -> list[PlannedStep]:
    return [plan.steps[place] for place in plan.accepted()]


def _of_command(plan: CommandPlan, instances: Sequence[Instance]) -> list[PlannedStep]:
    """Return the operations of a command that await approval."""
    awaiting = {
        one.pending.id: one
        for one in instances
        if one.pending is not None and one.pending.approval is not None
    }
    steps = [
        PlannedStep(server=server.id, name=server.name, operation=step.operation)
        for step in _accepted(plan)
        if (server := awaiting.get(step.operation)) is not None
    ]
    if not steps:
        raise RefusalError("Nothing of that command awaits approval any more.")
    return steps
