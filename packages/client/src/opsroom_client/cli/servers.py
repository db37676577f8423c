"""``opsroom servers``: list, command and watch."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import click
from click.shell_completion import CompletionItem

from opsroom_client.cli.output import age, remark, say, show_json, show_table
from opsroom_client.cli.running import WAIT_PATIENCE_SECONDS, Server, chosen_server, run, tell_of_breaks
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RefusedError
from opsroom_contracts.cloud import Instance, Operation, OperationStatus
from opsroom_contracts.commands import COMMANDS, Command, CommandSpec
from opsroom_contracts.http import CloudEvent, InstanceList
from opsroom_contracts.model import rfc3339

_COMPLETION_SECONDS = 1.0
_WIDEST_TYPE = 9

_as_json = click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")


class InstanceId(click.ParamType[str]):
    """An instance's id, or as much of its beginning as only one has."""

    name = "id"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The ids there are; none, where the server does not answer at once."""

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
    """List, command and watch servers."""


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


def _command(spec: CommandSpec) -> click.Command:
    """A command of the life cycle as one of the command line."""

    def done(
        server: Server, wait: bool, as_json: bool, key: str | None, instance_id: str | None = None
    ) -> None:
        async def work(opsroom: Opsroom) -> None:
            listed = await opsroom.cloud.instances()
            chosen = None if instance_id is None else _found(listed, instance_id)
            operation = await opsroom.cloud.command(spec.command, chosen, key=key)
            if wait:
                operation = await _finished(server, operation, listed.seq)
            _show(operation, as_json=as_json)

        run(server, work)

    params: list[click.Parameter] = [
        click.Option(["-w", "--wait"], is_flag=True, help="Return when it is done, not when it is accepted."),
        click.Option(["--json", "as_json"], is_flag=True, help="The operation as JSON."),
        click.Option(["--key"], metavar="KEY", help="Done once, however often it is asked with this key."),
    ]
    if spec.command is not Command.CREATE:
        params.append(click.Argument(["instance_id"], type=InstanceId(), metavar="ID"))
    return click.Command(spec.name, callback=click.pass_obj(done), params=params, help=spec.help)


for _spec in COMMANDS.values():
    servers.add_command(_command(_spec))


async def _finished(server: Server, operation: Operation, since: int) -> Operation:
    """What became of ``operation``.

    Raises:
        OpsroomError: that can't be had, as where the server went away and did not come back.
    """
    async with server.client(WAIT_PATIENCE_SECONDS) as opsroom:
        try:
            return await opsroom.cloud.finished(operation, since, on_connection=tell_of_breaks)
        except OpsroomError as error:
            if not isinstance(error, RefusedError) or error.retryable:
                what = f"{operation.command.value} of {operation.instance_id}"
                error.add_note(f"{what} was accepted and goes on")
            raise


def _found(listed: InstanceList, beginning: str) -> str:
    """The id that begins so.

    Raises:
        OpsroomError: none does, or several.
    """
    ids = [one.id for one in listed.instances if one.id.startswith(beginning)]
    if beginning in ids or len(ids) == 1:
        return beginning if beginning in ids else ids[0]
    many = f"{len(ids)} servers begin" if ids else "no server begins"
    raise OpsroomError(f"{many} with {beginning!r} (opsroom servers ls shows them)")


def _show(operation: Operation, *, as_json: bool) -> None:
    if as_json:
        show_json(operation)
    else:
        due = f", due {rfc3339(operation.due_at)}" if operation.status is OperationStatus.PENDING else ""
        say(f"{operation.instance_id} {operation.command.value} {operation.status.value}{due}")
    if operation.status in {OperationStatus.FAILED, OperationStatus.CANCELLED}:
        raise click.exceptions.Exit(1)


@servers.command()
@click.option("--since", type=click.IntRange(min=0), help="Begin after this sequence; 0 is the beginning.")
@_as_json
@click.pass_obj
def watch(server: Server, since: int | None, as_json: bool) -> None:
    """Print what happens to servers, until interrupted. Goes on by itself after a break, missing nothing."""

    async def work(opsroom: Opsroom) -> None:
        async with opsroom.cloud.follow(since, on_connection=tell_of_breaks) as changes:
            async for change in changes:
                if not isinstance(change, CloudEvent):
                    remark(f"opsroom: what happened before {change.seq} is no longer told; see servers ls")
                elif as_json:
                    show_json(change)
                else:
                    say(_line(change))

    run(server, work)


def _line(event: CloudEvent) -> str:
    what = f"{event.type.value:<{_WIDEST_TYPE}} {event.command.value:<6} {event.state.value:<7}"
    because = f" ({event.reason})" if event.reason else ""
    return f"{rfc3339(event.timestamp)} {event.instance_id} {what} by {event.actor}{because}"
