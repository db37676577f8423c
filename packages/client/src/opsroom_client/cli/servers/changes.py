"""``opsroom servers rename|label|protect|unprotect``: changes that take effect at once."""

from collections.abc import Callable
from functools import partial

import click

from opsroom_client.cli.output import output_options
from opsroom_client.cli.running import Server
from opsroom_client.cli.servers.ids import InstanceId
from opsroom_client.cli.servers.operations import Manner, Send, chosen, run_all
from opsroom_client.cli.servers.options import (
    id_argument,
    ids_argument,
    selector_option,
)
from opsroom_client.client import Opsroom
from opsroom_client.errors import UnexpectedResponseError
from opsroom_contracts.cloud.models import Operation
from opsroom_contracts.http import InstanceChanged

_REMOVAL = "-"


@click.command()
@id_argument
@click.argument("name")
@output_options
@click.pass_obj
def rename(server: Server, instance_id: str, name: str, as_json: bool) -> None:
    """Give the server ID another NAME: 1 to 63 of a-z, 0-9 and hyphens."""
    (one,), position = chosen(server, [instance_id])

    async def send(opsroom: Opsroom) -> Operation:
        return _only(await opsroom.cloud.change(one.id, name=name))

    run_all(server, {one.id: send}, position, Manner(as_json=as_json))


class ServerOrLabel(InstanceId):
    """A server, or a label to set or to remove."""

    name = "server or label"


@click.command()
@click.argument("arguments", metavar="[ID]... KEY=VALUE|KEY- ...", nargs=-1, type=ServerOrLabel())
@selector_option
@output_options
@click.pass_obj
def label(server: Server, arguments: tuple[str, ...], selector: dict[str, str] | None, as_json: bool) -> None:
    """Set labels of the servers ID (KEY=VALUE), or remove them (KEY-)."""
    changes: dict[str, str | None] = {}
    ids: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals:
            changes[key] = value
        elif argument.endswith(_REMOVAL):
            changes[argument.removesuffix(_REMOVAL)] = None
        else:
            ids.append(argument)
    if not changes:
        raise click.UsageError("give a label to set, like env=prod, or to remove, like env-")
    servers, position = chosen(server, ids, selector)

    async def send(instance_id: str, opsroom: Opsroom) -> Operation:
        return _only(await opsroom.cloud.change(instance_id, labels=changes))

    sends: dict[str, Send] = {one.id: partial(send, one.id) for one in servers}
    run_all(server, sends, position, Manner(as_json=as_json))


def _protection(name: str, *, protected: bool) -> click.Command:
    def callback(
        server: Server, ids: tuple[str, ...], selector: dict[str, str] | None, as_json: bool
    ) -> None:
        servers, position = chosen(server, ids, selector)

        async def send(instance_id: str, opsroom: Opsroom) -> Operation:
            return _only(await opsroom.cloud.change(instance_id, protected=protected))

        sends: dict[str, Send] = {one.id: partial(send, one.id) for one in servers}
        run_all(server, sends, position, Manner(as_json=as_json))

    does, end = ("Forbid", "") if protected else ("Allow", " again")
    decorated: Callable[..., None] = ids_argument(selector_option(output_options(callback)))
    return click.command(name, help=f"{does} stopping, restarting and removing the servers ID{end}.")(
        click.pass_obj(decorated)
    )


protect = _protection("protect", protected=True)
unprotect = _protection("unprotect", protected=False)


def _only(changed: InstanceChanged) -> Operation:
    if len(changed.operations) != 1:
        raise UnexpectedResponseError(f"one change gave {len(changed.operations)} operations")
    return changed.operations[0]
