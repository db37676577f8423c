"""What the reply to a command says. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from opsroom_contracts.cloud.instances import Condition, default_name
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.incidents.commands import CommandName, ListServers
from opsroom_contracts.incidents.plans import CommandPlan
from opsroom_contracts.text import clip, visible

REPLY_MAX: Final = 4000
"""The maximum length of a reply, in characters: that of every message."""
_LISTED_MAX: Final = 40
"""How many servers a reply lists."""
_FENCE: Final = "```"
_DECIDED: Final[dict[str, str]] = {
    CommandName.UNDO: "Undone",
    CommandName.APPROVE: "Approved",
    CommandName.DENY: "Denied",
}


def name_of_step(plan: CommandPlan, place: int) -> str:
    """Return how the reply names the server of a step."""
    step, result = plan.steps[place], (plan.results or ())[place]
    if step.name is not None:
        return step.name
    return default_name(result.instance_id) if result.instance_id is not None else "the server"


def plan_text(plan: CommandPlan) -> str:
    """Return the reply to a decision such as ``/undo``, and to a command of which nothing was accepted."""
    if not plan.steps:
        return f"/{plan.name}: nothing to do; no server matches."
    results, places = plan.results or (), plan.accepted()
    decided = [name_of_step(plan, place) for place in places if not results[place].is_awaiting]
    others = [name_of_step(plan, place) for place in places if results[place].is_awaiting]
    word = _DECIDED.get(plan.name, plan.name)
    lines = [f"{word}: {_names(decided)}."] if decided else []
    if others:
        lines.append(f"{word}, but others must approve, too: {_names(others)}.")
    return clip("\n".join([*lines, *refusals(plan)]), REPLY_MAX)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def what_became_of(operation: Operation) -> str:
    """Return why nobody can decide about an operation any more."""
    approvers = () if operation.approval is None else operation.approval.approved_by
    reason = f": {operation.reason}" if operation.reason else ""
    by = f" by {', '.join(approvers)}" if approvers else ""
    match operation.status:
        case OperationStatus.DENIED:
            return f"was denied already{reason}"
        case OperationStatus.EXPIRED | OperationStatus.AWAITING_APPROVAL:
            return "nobody approved it in time"
        case OperationStatus.CANCELLED:
            return "was undone"
        case OperationStatus.PENDING | OperationStatus.DONE | OperationStatus.FAILED:
            return "needs no approval" if operation.approval is None else f"was approved already{by}"
        case _:
            assert_never(operation.status)


def refusals(plan: CommandPlan) -> list[str]:
    """Return a line for each step that was refused."""
    return [
        f"`{name_of_step(plan, place)}`: {visible(result.message or str(result.code))}"
        for place, result in enumerate(plan.results or ())
        if result.code is not None
    ]


def servers_text(instances: Sequence[Instance]) -> str:
    """Return a line for each server."""
    lines = [_server_line(one) for one in instances[:_LISTED_MAX]]
    if len(instances) > _LISTED_MAX:
        lines.append(f"and {len(instances) - _LISTED_MAX} more")
    return clip("\n".join(lines), REPLY_MAX)


def no_servers(command: ListServers) -> str:
    """Return the reply to a ``/ps`` that finds nothing."""
    if command.targets is not None:
        return "There are no such servers."
    return "There are no servers yet. `/create` makes one."


def _server_line(instance: Instance) -> str:
    pending = "" if instance.pending is None else f", {instance.pending.command.value} pending"
    trouble = "" if instance.condition is Condition.OK else f", {instance.condition.value}"
    labels = "".join(f" {key}={value}" for key, value in sorted(instance.labels.items()))
    return clip(f"- `{instance.name}` {instance.state.value}{trouble}{pending}{labels}", 300)


def log_text(name: str, lines: Iterable[str]) -> str:
    """Return the reply to ``/logs``: the last lines that fit, in a block of code."""
    kept: list[str] = []
    head = f"The last lines of `{name}`:\n{_FENCE}\n"
    left = REPLY_MAX - len(head) - len(_FENCE) - 1
    for line in reversed(list(lines)):
        shown = _harmless(line)
        if len(shown) + 1 > left:
            break
        left -= len(shown) + 1
        kept.append(shown)
    if not kept:
        return f"`{name}` has written nothing."
    return head + "\n".join(reversed(kept)) + f"\n{_FENCE}"


def _harmless(line: str) -> str:
    """Return a line without what would end the block, or could not be shown."""
    return "".join(char if char.isprintable() or char == "\t" else " " for char in line).replace(
        _FENCE, "\u02cb\u02cb\u02cb"
    )[:1000]
