"""The group ``opsroom servers``, and its list."""

from datetime import UTC, datetime

import click

from opsroom_client.cli.output import age, output_options, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.servers.commands import command_of, undo
from opsroom_client.cli.servers.events import history, watch
from opsroom_client.client import Opsroom
from opsroom_contracts.cloud.commands import COMMANDS
from opsroom_contracts.cloud.models import Instance


@click.group()
def servers() -> None:
    """List, control and watch servers. An ID may be shortened as long as it is unique."""


@servers.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the servers."""

    async def work(opsroom: Opsroom) -> None:
        listed = await opsroom.cloud.instances()
        if as_json:
            show_json(listed.instances)
            return
        # This device's clock may be wrong; servers of earlier releases don't say their time.
        now = (await opsroom.session()).now or datetime.now(UTC)
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


for _spec in COMMANDS.values():
    servers.add_command(command_of(_spec))
for _command in (undo, history, watch):
    servers.add_command(_command)
