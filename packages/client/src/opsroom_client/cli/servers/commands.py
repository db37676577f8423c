"""``opsroom servers create|start|stop|restart|rm|undo``: commands for servers."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json
from opsroom_client.cli.progress import Progress, progress
from opsroom_client.cli.running import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    WAIT_TIMEOUT_SECONDS,
    Server,
    error_text,
    fail,
    report_connection,
    run,
)
from opsroom_client.cli.servers.ids import InstanceId, resolve
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError, UnreachableError
from opsroom_client.position import Position
from opsroom_contracts.cloud.commands import Command, CommandSpec
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.serialization.model import rfc3339

_FAILED = frozenset({OperationStatus.FAILED, OperationStatus.CANCELLED})

_wait = click.option("-w", "--wait", is_flag=True, help="Wait until it is done, not only accepted.")
_key = click.option("--key", metavar="KEY", help="Idempotency key: executed once per key; for one server.")
_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=InstanceId())
_pending_ids = click.argument("ids", metavar="ID...", nargs=-1, required=True, type=InstanceId(pending=True))
_yes = click.option("-y", "--yes", is_flag=True, help="Don't ask.")

Send = Callable[[Opsroom], Awaitable[Operation]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How commands are sent and reported."""

    wait: bool = False
    as_json: bool = False
    expected: OperationStatus = OperationStatus.DONE
    """The final status that is a success."""


def command_of(spec: CommandSpec) -> click.Command:
    """The subcommand of ``spec``."""
    if spec.command is Command.CREATE:
        return _create_command(spec)
    asks = spec.command is Command.REMOVE

    def callback(
        server: Server, ids: tuple[str, ...], wait: bool, as_json: bool, key: str | None, yes: bool = not asks
    ) -> None:
        if key is not None and len(ids) > 1:
            raise click.UsageError("--key is for one server: the same key again is the same command")
        if not yes and not _can_ask():
            fail("without a terminal to ask on, `servers rm` needs --yes; nothing was removed", EXIT_USAGE)
        chosen, position = _chosen(server, ids)
        if not yes:
            _confirm_removal(chosen)
        sends = {one.id: _sender(spec.command, one.id, key) for one in chosen}
        _run_all(server, sends, position, Manner(wait, as_json))

    decorated = _ids(_wait(output_options(_key(_yes(callback) if asks else callback))))
    return click.command(spec.name, help=spec.help)(click.pass_obj(decorated))


def _create_command(spec: CommandSpec) -> click.Command:
    def callback(server: Server, wait: bool, as_json: bool, key: str | None) -> None:
        _, position = _chosen(server, ())
        _run_all(server, {"": _sender(spec.command, None, key)}, position, Manner(wait, as_json))

    return click.command(spec.name, help=spec.help)(click.pass_obj(_wait(output_options(_key(callback)))))


@click.command()
@_pending_ids
@output_options
@click.pass_obj
def undo(server: Server, ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel the pending commands of the servers ID, while they are not done yet."""
    chosen, position = _chosen(server, ids)
    sends = {one.id: _canceller(one) for one in chosen}
    _run_all(server, sends, position, Manner(as_json=as_json, expected=OperationStatus.CANCELLED))


def _chosen(server: Server, prefixes: Sequence[str]) -> tuple[list[Instance], Position]:
    """The servers with ``prefixes``, and the position before any command."""

    async def work(opsroom: Opsroom) -> tuple[list[Instance], Position]:
        listed = await opsroom.cloud.instances()
        return resolve(listed.instances, prefixes), Position.of(listed)

    return run(server, work)


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm_removal(instances: Sequence[Instance]) -> None:
    what = "\n".join(f"{one.id} {one.state.value}" for one in instances)
    noun = "this server" if len(instances) == 1 else f"these {len(instances)} servers"
    print_note(what)
    code = EXIT_FAILED
    try:
        if click.confirm(f"Remove {noun}?", err=True):
            return
    except click.Abort:
        click.echo(err=True)
        code = EXIT_INTERRUPTED
    fail("nothing was removed", code)


def _sender(command: Command, instance_id: str | None, key: str | None) -> Send:
    return lambda opsroom: opsroom.cloud.command(command, instance_id, key=key)


def _canceller(instance: Instance) -> Send:
    async def cancel(opsroom: Opsroom) -> Operation:
        if instance.pending is None:
            raise OpsroomError(f"{instance.id} has no pending command to undo")
        return await opsroom.cloud.cancel(instance.pending.id)

    return cancel


def _run_all(server: Server, sends: dict[str, Send], position: Position, manner: Manner) -> None:
    """Send all commands; with ``wait``, until they are finished. Exits with 1 if one did not succeed."""

    async def work(opsroom: Opsroom) -> bool:
        accepted, all_sent = await _send_all(opsroom, sends)
        if not manner.wait:
            for operation in accepted:
                _print_operation(operation, as_json=manner.as_json)
            return all_sent and not any(_failure(one, manner) for one in accepted)
        ended_well = True
        async with aclosing(_finished(server, accepted, position)) as finished:
            async for operation, line in finished:
                with line.paused():
                    _print_operation(operation, as_json=manner.as_json)
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
    waiting = {one.id: one for one in operations}
    async with server.client(WAIT_TIMEOUT_SECONDS) as opsroom:
        with progress(lambda seconds: _waiting_text(list(waiting.values()), seconds)) as line:

            def report(error: OpsroomError | None) -> None:
                with line.paused():
                    report_connection(error)

            try:
                outcomes = opsroom.cloud.outcomes(operations, since, on_connection=report)
                async with aclosing(outcomes):
                    async for operation in outcomes:
                        waiting.pop(operation.id, None)
                        yield operation, line
            except OpsroomError as error:
                if not isinstance(error, RequestRejectedError) or error.retryable:
                    what = ", ".join(_name(one) for one in waiting.values())
                    error.add_note(f"{what} was accepted and continues")
                raise


def _waiting_text(waiting: Sequence[Operation], seconds: float) -> str:
    """What is waited for. The due times are compared with the server's own clock."""
    if not waiting:
        return ""
    due = max((one.due_at - one.accepted_at).total_seconds() for one in waiting)
    left = f"due in {due - seconds:.0f} s" if due > seconds else f"waiting for {seconds:.0f} s"
    return f"{_name(waiting[0]) if len(waiting) == 1 else f'{len(waiting)} commands'}: {left}"


def _name(operation: Operation) -> str:
    return f"{operation.command.value} of {operation.instance_id}"


def _failure(operation: Operation, manner: Manner) -> str | None:
    """Why ``operation`` did not end as expected; None if it did, or is pending."""
    if operation.status not in _FAILED or operation.status is manner.expected:
        return None
    reason = f": {operation.reason}" if operation.reason else ""
    return f"{_name(operation)} {operation.status.value}{reason}"


def _print_operation(operation: Operation, *, as_json: bool) -> None:
    if as_json:
        show_json([operation])
        return
    due = f", due {rfc3339(operation.due_at)}" if operation.status is OperationStatus.PENDING else ""
    print_line(f"{operation.instance_id} {operation.command.value} {operation.status.value}{due}")
