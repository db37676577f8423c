"""Sending commands for servers, waiting for them, and printing their outcomes."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import click

from opsroom_client.cli.output import print_line, print_note, show_json
from opsroom_client.cli.progress import Progress, progress
from opsroom_client.cli.running import (
    EXIT_FAILED,
    WAIT_TIMEOUT_SECONDS,
    Server,
    error_text,
    report_connection,
    run,
)
from opsroom_client.cli.servers.ids import resolve
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnreachableError
from opsroom_client.position import Position
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.cloud.models import Progress as WorkProgress
from opsroom_contracts.cloud.selectors import matches
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.serialization.model import rfc3339

_FAILED = frozenset(
    {
        OperationStatus.FAILED,
        OperationStatus.CANCELLED,
        OperationStatus.DENIED,
        OperationStatus.EXPIRED,
    }
)

Send = Callable[[Opsroom], Awaitable[Operation]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How commands are sent and reported."""

    wait: bool = False
    as_json: bool = False
    key: str | None = None
    """The idempotency key; None: a random one for each command."""
    expected: OperationStatus = OperationStatus.DONE
    """The final status that is a success."""


def chosen(
    server: Server, given: Sequence[str], selector: Mapping[str, str] | None = None
) -> tuple[list[Instance], Position]:
    """The servers that are named or selected, and the position before any command.

    Ends the command if there are none, or not all that are named.
    """
    if given and selector:
        raise click.UsageError("give either ID or --selector")
    if not given and selector is None:
        raise click.UsageError("give ID, a server's id or name, or --selector")

    async def work(opsroom: Opsroom) -> tuple[list[Instance], Position]:
        listed = await opsroom.cloud.instances()
        if selector is None:
            return resolve(listed.instances, given), Position.of(listed)
        found = [one for one in listed.instances if matches(selector, one.labels)]
        if not found:
            raise OpsroomError(f"no server has the labels {label_text(selector)}")
        return sorted(found, key=lambda one: one.name), Position.of(listed)

    return run(server, work)


def position_now(server: Server) -> Position:
    """The position before any command."""

    async def work(opsroom: Opsroom) -> Position:
        return Position.of(await opsroom.cloud.instances())

    return run(server, work)


def label_text(labels: Mapping[str, str]) -> str:
    """``labels`` as one writes them."""
    return ",".join(f"{key}={value}" for key, value in labels.items())


def run_all(server: Server, sends: dict[str, Send], position: Position, manner: Manner) -> None:
    """Send all commands; with ``wait``, until they are finished. Exits with 1 if one did not succeed."""

    async def work(opsroom: Opsroom) -> bool:
        accepted, all_sent = await _send_all(opsroom, sends)
        if not manner.wait:
            for operation in accepted:
                print_operation(operation, as_json=manner.as_json)
            return all_sent and not any(_failure(one, manner) for one in accepted)
        ended_well = True
        async with aclosing(_finished(server, accepted, position)) as finished:
            async for operation, line in finished:
                with line.paused():
                    print_operation(operation, as_json=manner.as_json)
                    if failure := _failure(operation, manner):
                        print_note(f"opsroom: {failure}")
                        ended_well = False
        return all_sent and ended_well

    if not run(server, work):
        raise click.exceptions.Exit(EXIT_FAILED)


async def _send_all(opsroom: Opsroom, sends: dict[str, Send]) -> tuple[list[Operation], bool]:
    """Send each command. Returns the accepted operations, and whether all were accepted.

    Raises:
        OpsroomError: the only command was rejected, or the server is unreachable.
    """
    accepted: list[Operation] = []
    for instance_id, send in sends.items():
        try:
            accepted.append(await send(opsroom))
        except OpsroomError as error:
            if len(sends) == 1 or isinstance(error, UnreachableError):
                for operation in accepted:
                    error.add_note(f"{_name(operation)} was accepted and continues")
                raise
            print_note(f"opsroom: {instance_id}: {error_text(error)}")
    return accepted, len(accepted) == len(sends)


async def _finished(
    server: Server, operations: Sequence[Operation], since: Position
) -> AsyncGenerator[tuple[Operation, Progress], None]:
    """Each operation when it is finished, and the line that shows the progress meanwhile.

    Raises:
        OpsroomError: a result is not available, for instance since the server did not come back.
    """
    waiting = Waiting({one.id: one for one in operations}, {})
    async with server.client(WAIT_TIMEOUT_SECONDS) as opsroom:
        with progress(waiting.text) as line:

            def report(error: OpsroomError | None) -> None:
                with line.paused():
                    report_connection(error)

            try:
                outcomes = opsroom.cloud.outcomes(
                    operations, since, on_connection=report, on_working=waiting.on_working
                )
                async with aclosing(outcomes):
                    async for operation in outcomes:
                        waiting.operations.pop(operation.id, None)
                        yield operation, line
            except OpsroomError as error:
                if not isinstance(error, RequestRejectedError) or error.retryable:
                    what = ", ".join(_name(one) for one in waiting.operations.values())
                    error.add_note(f"{what} was accepted and continues")
                raise


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is waited for, and how far the providers are with it, by operation."""

    operations: dict[str, Operation]
    work: dict[str, WorkProgress]

    def on_working(self, event: CloudEvent) -> None:
        """Record how far the provider is."""
        if event.operation_id is not None:
            self.work[event.operation_id] = event.progress or WorkProgress()

    def text(self, seconds: float) -> str:
        """The line about it after ``seconds``. The due times are compared with the server's own clock."""
        if not self.operations:
            return ""
        if len(self.operations) == 1:
            (one,) = self.operations.values()
            return f"{_name(one)}: {_work_text(self.work.get(one.id)) or _left([one], seconds)}"
        working = sum(one in self.work for one in self.operations)
        what = f"{len(self.operations)} commands"
        left = (
            f"the provider is working on {working}" if working else _left(self.operations.values(), seconds)
        )
        return f"{what}: {left}"


def _left(operations: Iterable[Operation], seconds: float) -> str:
    due = max((one.due_at - one.accepted_at).total_seconds() for one in operations)
    return f"due in {due - seconds:.0f} s" if due > seconds else f"waiting for {seconds:.0f} s"


def _work_text(work: WorkProgress | None) -> str:
    """How far the provider is; empty if it has not begun."""
    if work is None:
        return ""
    percent = "" if work.percent is None else f"{work.percent} %"
    return " ".join(filter(None, (work.text or "the provider is working on it", percent)))


def _name(operation: Operation) -> str:
    return f"{operation.command.value} of {operation.instance_id}"


def _failure(operation: Operation, manner: Manner) -> str | None:
    """Why ``operation`` did not end as expected; None if it did, or is pending."""
    if operation.status not in _FAILED or operation.status is manner.expected:
        return None
    reason = f": {operation.reason}" if operation.reason else ""
    return f"{_name(operation)} {operation.status.value}{reason}"


def print_operation(operation: Operation, *, as_json: bool) -> None:
    if as_json:
        show_json([operation])
        return
    match operation.status:
        case OperationStatus.PENDING:
            due = f", due {rfc3339(operation.due_at)}"
        case OperationStatus.AWAITING_APPROVAL:
            due = f" until {rfc3339(operation.due_at)} (operation {operation.id})"
        case _:
            due = ""
    print_line(f"{operation.instance_id} {operation.command.value} {operation.status.value}{due}")
