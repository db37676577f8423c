"""``opsroom servers``: list, command and watch servers."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import click
from click.shell_completion import CompletionItem

from opsroom_client.cli.output import age, print_line, print_note, show_json, show_table
from opsroom_client.cli.running import WAIT_TIMEOUT_SECONDS, Server, chosen_server, report_connection, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError
from opsroom_client.position import Position
from opsroom_contracts.cloud.commands import COMMANDS, Command, CommandSpec
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus
from opsroom_contracts.http import CloudEvent, InstanceList
from opsroom_contracts.serialization.model import rfc3339

_COMPLETION_SECONDS = 1.0
_WIDEST_TYPE = 9

_as_json = click.option("--json", "as_json", is_flag=True, help="JSON, one object per line.")


class InstanceId(click.ParamType[str]):
    """The id of an instance, or a unique prefix of it."""

    name = "id"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The existing ids; none if the server does not respond in time."""

        async def ids() -> list[CompletionItem]:
            async with chosen_server(ctx).client() as opsroom:
                listed = await opsroom.cloud.instances()
            found = [instance for instance in listed.instances if instance.id.startswith(incomplete)]
            return [CompletionItem(instance.id, help=instance.state.value) for instance in found]

        with suppress(TimeoutError, OpsroomError, click.BadParameter):
            return asyncio.run(asyncio.wait_for(ids(), _COMPLETION_SECONDS))
        return []


@click.group()
def servers() -> None:
    """List, control and watch servers."""


@servers.command()
@_as_json
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the servers."""

    async def work(opsroom: Opsroom) -> None:
        listed = await opsroom.cloud.instances()
        if as_json:
            show_json(listed)
            return
        now = datetime.now(UTC)
        rows = [
            (one.id, one.state.value, age(one.timestamp, now), _pending(one, now)) for one in listed.instances
        ]
        show_table(("ID", "STATE", "FOR", "PENDING"), rows)

    run(server, work)


def _pending(instance: Instance, now: datetime) -> str:
    pending = instance.pending
    if pending is None:
        return ""
    seconds = max(0.0, (pending.due_at - now).total_seconds())
    return f"{pending.command.value} in {seconds:.0f}s by {pending.actor}"


def _click_command(spec: CommandSpec) -> click.Command:
    """The subcommand for ``command``."""

    def callback(
        server: Server, wait: bool, as_json: bool, key: str | None, instance_id: str | None = None
    ) -> None:
        async def work(opsroom: Opsroom) -> None:
            listed = await opsroom.cloud.instances()
            chosen = None if instance_id is None else _resolve_id(listed, instance_id)
            operation = await opsroom.cloud.command(spec.command, chosen, key=key)
            if wait:
                operation = await _wait_finished(server, operation, Position.of(listed))
            _print_operation(operation, as_json=as_json)

        run(server, work)

    params: list[click.Parameter] = [
        click.Option(["-w", "--wait"], is_flag=True, help="Wait until it is done, not only accepted."),
        click.Option(["--json", "as_json"], is_flag=True, help="The operation as JSON."),
        click.Option(["--key"], metavar="KEY", help="Idempotency key: executed once per key."),
    ]
    if spec.command is not Command.CREATE:
        params.append(click.Argument(["instance_id"], type=InstanceId(), metavar="ID"))
    return click.Command(spec.name, callback=click.pass_obj(callback), params=params, help=spec.help)


for _spec in COMMANDS.values():
    servers.add_command(_click_command(_spec))


async def _wait_finished(server: Server, operation: Operation, since: Position) -> Operation:
    """Wait until ``operation`` is finished and return it.

    Raises:
        OpsroomError: the result is not available, for instance since the server did not come back.
    """
    async with server.client(WAIT_TIMEOUT_SECONDS) as opsroom:
        try:
            return await opsroom.cloud.finished(operation, since, on_connection=report_connection)
        except OpsroomError as error:
            if not isinstance(error, RequestRejectedError) or error.retryable:
                what = f"{operation.command.value} of {operation.instance_id}"
                error.add_note(f"{what} was accepted and continues")
            raise


def _resolve_id(listed: InstanceList, prefix: str) -> str:
    """The id with ``prefix``.

    Raises:
        OpsroomError: no instance has it, or several.
    """
    ids = [one.id for one in listed.instances if one.id.startswith(prefix)]
    if prefix in ids or len(ids) == 1:
        return prefix if prefix in ids else ids[0]
    matches = f"{len(ids)} servers start" if ids else "no server starts"
    raise OpsroomError(f"{matches} with {prefix!r} (see `opsroom servers ls`)")


def _print_operation(operation: Operation, *, as_json: bool) -> None:
    if as_json:
        show_json(operation)
    else:
        due = f", due {rfc3339(operation.due_at)}" if operation.status is OperationStatus.PENDING else ""
        print_line(f"{operation.instance_id} {operation.command.value} {operation.status.value}{due}")
    if operation.status in {OperationStatus.FAILED, OperationStatus.CANCELLED}:
        raise click.exceptions.Exit(1)


@servers.command()
@click.option(
    "--since", type=click.IntRange(min=0), help="Start after this sequence; 0: from the first event."
)
@_as_json
@click.pass_obj
def watch(server: Server, since: int | None, as_json: bool) -> None:
    """Print changes of servers until interrupted. Reconnects by itself and misses nothing."""

    async def work(opsroom: Opsroom) -> None:
        async with opsroom.cloud.follow(since, on_connection=report_connection) as changes:
            async for change in changes:
                if not isinstance(change, CloudEvent):
                    print_note(
                        f"opsroom: changes before {change.seq} are no longer available; see `servers ls`"
                    )
                elif as_json:
                    show_json(change)
                else:
                    print_line(_event_line(change))

    run(server, work)


def _event_line(event: CloudEvent) -> str:
    what = f"{event.type.value:<{_WIDEST_TYPE}} {event.command.value:<6} {event.state.value:<7}"
    reason = f" ({event.reason})" if event.reason else ""
    return f"{rfc3339(event.timestamp)} {event.instance_id} {what} by {event.actor}{reason}"
