"""The group ``opsroom servers``, and its list."""

import click

from opsroom_client.cli.output import output_options, show_json
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.servers.changes import label, protect, rename, unprotect
from opsroom_client.cli.servers.commands import command_of, create, undo
from opsroom_client.cli.servers.events import history, watch
from opsroom_client.cli.servers.options import selector_option
from opsroom_client.cli.servers.providers import adopt, providers, templates
from opsroom_client.cli.servers.table import now_of, show_servers
from opsroom_client.cli.servers.views import logs, stats
from opsroom_client.client import Opsroom
from opsroom_contracts.cloud.commands import COMMANDS, Command
from opsroom_contracts.cloud.selectors import matches


@click.group()
def servers() -> None:
    """List, control and watch servers.

    ID is a server's name, or its id, which may be shortened as long as it is unique.
    """


@servers.command()
@selector_option
@output_options
@click.pass_obj
def ls(server: Server, selector: dict[str, str] | None, as_json: bool) -> None:
    """List the servers."""

    async def work(opsroom: Opsroom) -> None:
        listed = await opsroom.cloud.instances()
        found = [one for one in listed.instances if matches(selector or {}, one.labels)]
        if as_json:
            show_json(found)
        else:
            show_servers(found, await now_of(opsroom))

    run(server, work)


servers.add_command(create)
for _spec in COMMANDS.values():
    if _spec.command is not Command.CREATE:
        servers.add_command(command_of(_spec))
for _command in (
    *(undo, history, watch, logs, stats),
    *(rename, label, protect, unprotect),
    *(adopt, templates, providers),
):
    servers.add_command(_command)
