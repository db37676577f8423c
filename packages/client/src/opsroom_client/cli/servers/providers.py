"""``opsroom servers providers|templates|adopt``: what runs servers, and what it could run."""

from collections.abc import Sequence

import click

from opsroom_client.cli.output import age, output_options, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.servers.operations import Manner, position_now, run_all
from opsroom_client.cli.servers.options import (
    Provider,
    labels_option,
    manner_options,
    name_option,
)
from opsroom_client.cli.servers.table import now_of, size
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.agents.protocol import Adoptable
from opsroom_contracts.agents.records import AgentCapability
from opsroom_contracts.cloud.instances import ProviderName
from opsroom_contracts.cloud.models import Operation

_SHORT_RESOURCE = 12


@click.command()
@output_options
@click.pass_obj
def providers(server: Server, as_json: bool) -> None:
    """List the providers, and whether their agents run."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.cloud.providers()
        if as_json:
            show_json(found)
            return
        now = await now_of(opsroom)
        rows = [
            (
                one.name,
                one.kind,
                "ok" if one.connected else "away",
                "" if one.connected or one.seen_at is None else f"{age(one.seen_at, now)} ago",
                one.host or "",
                one.version or "",
                str(len(one.templates)),
                ", ".join(sorted(one.capabilities)),
            )
            for one in found
        ]
        show_table(("NAME", "KIND", "AGENT", "SEEN", "HOST", "VERSION", "TEMPLATES", "CAN"), rows)

    run(server, work)


@click.command()
@output_options
@click.pass_obj
def templates(server: Server, as_json: bool) -> None:
    """List the templates for `create --template`."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.cloud.templates()
        if as_json:
            show_json(found)
            return
        rows = [
            (
                one.name,
                one.provider,
                one.image or "",
                "" if one.cpus is None else f"{one.cpus:g}",
                "" if one.memory is None else size(one.memory),
                "yes" if one.protected else "",
                one.description or "",
            )
            for one in found
        ]
        show_table(("NAME", "PROVIDER", "IMAGE", "CPUS", "MEMORY", "PROTECTED", "DESCRIPTION"), rows)

    run(server, work)


@click.command()
@click.argument("resource", required=False)
@click.option("--provider", type=Provider(), help="The provider; default: every one that can adopt.")
@name_option
@labels_option
@manner_options
@click.pass_obj
def adopt(
    server: Server,
    resource: str | None,
    provider: str | None,
    name: str | None,
    labels: tuple[tuple[str, str], ...],
    manner: Manner,
) -> None:
    """List what already runs and can be adopted, or adopt RESOURCE.

    RESOURCE is an id of the list, which may be shortened, or a name.
    """
    if resource is None:
        run(server, lambda opsroom: _list(opsroom, provider, as_json=manner.as_json))
        return

    async def send(opsroom: Opsroom) -> Operation:
        owner, chosen = _resolve(await _adoptable(opsroom, provider), resource)
        return await opsroom.cloud.adopt(
            owner, chosen.resource, name=name, labels=dict(labels), key=manner.key
        )

    run_all(server, {"": send}, position_now(server), manner)


async def _list(opsroom: Opsroom, provider: ProviderName | None, *, as_json: bool) -> None:
    found = await _adoptable(opsroom, provider)
    if as_json:
        show_json(one for _, one in found)
        return
    rows = [
        (one.resource[:_SHORT_RESOURCE], one.name, one.state.value, owner, one.description or "")
        for owner, one in found
    ]
    show_table(("RESOURCE", "NAME", "STATE", "PROVIDER", "DESCRIPTION"), rows)


async def _adoptable(opsroom: Opsroom, provider: ProviderName | None) -> list[tuple[ProviderName, Adoptable]]:
    """What can be adopted, with its provider."""
    if provider is not None:
        owners = [provider]
    else:
        owners = [
            one.name
            for one in await opsroom.cloud.providers()
            if one.connected and AgentCapability.ADOPT in one.capabilities
        ]
        if not owners:
            raise OpsroomError("no connected provider can adopt (see `opsroom servers providers`)")
    return [(owner, one) for owner in owners for one in await opsroom.cloud.adoptable(owner)]


def _resolve(found: Sequence[tuple[ProviderName, Adoptable]], text: str) -> tuple[ProviderName, Adoptable]:
    """The one resource with that id, name or beginning of an id.

    Raises:
        OpsroomError: there is none, or there are several.
    """
    matching = (
        [pair for pair in found if pair[1].resource == text]
        or [pair for pair in found if pair[1].name == text]
        or [pair for pair in found if pair[1].resource.startswith(text)]
    )
    if len(matching) == 1:
        return matching[0]
    which = ", ".join(f"{one.resource[:_SHORT_RESOURCE]} of {owner}" for owner, one in matching)
    what = f"{text!r} could be {which}" if matching else f"nothing that can be adopted is {text!r}"
    raise OpsroomError(f"{what} (see `opsroom servers adopt`)")
