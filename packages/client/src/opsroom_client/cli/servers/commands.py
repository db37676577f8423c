"""``opsroom servers create|start|stop|restart|rm|undo``: commands that take effect after the delay."""

import sys
from collections.abc import Sequence

import click

from opsroom_client.cli.output import output_options, print_note
from opsroom_client.cli.running import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, Server, fail
from opsroom_client.cli.servers.ids import InstanceId
from opsroom_client.cli.servers.operations import Manner, Send, chosen, position_now, run_all
from opsroom_client.cli.servers.options import (
    Template,
    ids_argument,
    labels_option,
    manner_options,
    name_option,
    selector_option,
    yes_option,
)
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.cloud.commands import COMMANDS, Command, CommandSpec
from opsroom_contracts.cloud.models import Instance, Operation, OperationStatus


def command_of(spec: CommandSpec) -> click.Command:
    """The subcommand of ``spec``, which is not ``create``."""
    asks = spec.command is Command.REMOVE

    def callback(
        server: Server,
        ids: tuple[str, ...],
        selector: dict[str, str] | None,
        manner: Manner,
        yes: bool = not asks,
    ) -> None:
        if not yes and not _can_ask():
            fail("`servers rm` needs --yes without a terminal; nothing was removed", EXIT_USAGE)
        if manner.key is not None and (selector is not None or len(ids) > 1):
            raise click.UsageError("--key is for one server: the same key again is the same command")
        servers, position = chosen(server, ids, selector)
        if not yes:
            _confirm_removal(servers)
        sends = {one.id: _sender(spec.command, one.id, manner.key) for one in servers}
        run_all(server, sends, position, manner)

    decorated = ids_argument(manner_options(selector_option(callback)))
    return click.command(spec.name, help=spec.help)(
        click.pass_obj(yes_option(decorated) if asks else decorated)
    )


@click.command(COMMANDS[Command.CREATE].name)
@name_option
@click.option(
    "--template",
    type=Template(),
    metavar="[PROVIDER/]NAME",
    help="What to run; `servers templates` lists them. Default: a simulated server.",
)
@labels_option
@click.option("--start", is_flag=True, help="Also start it.")
@manner_options
@click.pass_obj
def create(
    server: Server,
    name: str | None,
    template: str | None,
    labels: tuple[tuple[str, str], ...],
    start: bool,
    manner: Manner,
) -> None:
    """Create a server; it is stopped at first, unless --start is given."""

    async def send(opsroom: Opsroom) -> Operation:
        return await opsroom.cloud.create(
            name=name, template=template, labels=dict(labels), start=start, key=manner.key
        )

    run_all(server, {"": send}, position_now(server), manner)


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=InstanceId(pending=True))
@selector_option
@output_options
@click.pass_obj
def undo(server: Server, ids: tuple[str, ...], selector: dict[str, str] | None, as_json: bool) -> None:
    """Cancel the pending commands of the servers ID."""
    servers, position = chosen(server, ids, selector)
    sends = {one.id: _canceller(one) for one in servers}
    run_all(server, sends, position, Manner(as_json=as_json, expected=OperationStatus.CANCELLED))


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm_removal(instances: Sequence[Instance]) -> None:
    what = "\n".join(f"{one.id} {one.name} {one.state.value}" for one in instances)
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


def _sender(command: Command, instance_id: str, key: str | None) -> Send:
    return lambda opsroom: opsroom.cloud.command(command, instance_id, key=key)


def _canceller(instance: Instance) -> Send:
    async def cancel(opsroom: Opsroom) -> Operation:
        if instance.pending is None:
            raise OpsroomError(f"{instance.id} has no pending command to undo")
        return await opsroom.cloud.cancel(instance.pending.id)

    return cancel
