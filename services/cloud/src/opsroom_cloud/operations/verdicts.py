"""What an agent's replies mean for an operation."""

from dataclasses import dataclass

from opsroom_cloud.domain.outcomes import Failure
from opsroom_contracts.agents.protocol import ApplyReply, ApplyStatus, Observation, ObserveReply
from opsroom_contracts.cloud.commands import Command, InstanceState
from opsroom_contracts.cloud.instances import FailureCode
from opsroom_contracts.cloud.models import Instance, PendingOperation, Progress
from opsroom_contracts.errors import ErrorCode, Fault

_PROGRESS_STEP = 5
"""A smaller change of the share, in percent, is not stored."""
_WISHED = {
    Command.START: InstanceState.RUNNING,
    Command.RESTART: InstanceState.RUNNING,
    Command.STOP: InstanceState.STOPPED,
}
_CODES = {
    ErrorCode.TEMPLATE_UNKNOWN: FailureCode.TEMPLATE_UNKNOWN,
    ErrorCode.INSTANCE_NOT_FOUND: FailureCode.VANISHED,
}


@dataclass(frozen=True, slots=True)
class Done:
    """The operation is done; ``observed``: the instance after it, as the provider sees it."""

    observed: Observation | None = None


def of_reply(command: Command, reply: ApplyReply) -> Done | Failure | Progress:
    """Return what a reply to ``apply`` means. What has vanished is removed."""
    match reply.status:
        case ApplyStatus.DONE:
            return Done(reply.observed)
        case ApplyStatus.FAILED:
            if command is Command.REMOVE and reply.code is FailureCode.VANISHED:
                return Done()
            reason = reply.reason or "the provider gave no reason"
            return Failure(reply.code or FailureCode.PROVIDER_ERROR, reason, reply.observed)
        case ApplyStatus.WORKING:
            return reply.progress or Progress()


def of_fault(command: Command, fault: Fault) -> Done | Failure:
    """Return what an agent's refusal of ``apply`` means."""
    if command is Command.REMOVE and fault.code is ErrorCode.INSTANCE_NOT_FOUND:
        return Done()
    return Failure(_CODES.get(fault.code, FailureCode.PROVIDER_ERROR), fault.message)


def after_deadline(
    instance: Instance, pending: PendingOperation | None, seen: ObserveReply
) -> Done | Failure:
    """Return the outcome of an operation that has no other one before its deadline."""
    command = None if pending is None else pending.command
    found = next((one for one in seen.found if one.id == instance.id), None)
    if instance.id in seen.gone:
        if command is Command.REMOVE:
            return Done()
        return Failure(FailureCode.VANISHED, "the provider no longer has it")
    wished = command in {Command.CREATE, Command.ADOPT} or (
        found is not None and command in _WISHED and found.state is _WISHED[command]
    )
    if found is not None and wished:
        return Done(found)
    reason = "the provider did not report an outcome before the deadline"
    return Failure(FailureCode.OUTCOME_UNKNOWN, reason, found)


def is_news(before: Progress, now: Progress) -> bool:
    """Whether the progress has changed so much that it is stored."""
    if now.text != before.text:
        return True
    return abs((now.percent or 0) - (before.percent or 0)) >= _PROGRESS_STEP
