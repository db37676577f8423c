"""``opsroom incidents``: list incidents, read their reports, and close or reopen them."""

from collections.abc import Awaitable, Callable

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_contracts.incidents.incidents import Incident, IncidentReply, IncidentStatus
from opsroom_contracts.serialization.model import rfc3339
from opsroom_contracts.text import visible

_COLUMNS = ("ID", "STATUS", "ROOM", "LEAD", "OPENED", "TITLE")
_LISTED = 50


@click.group()
def incidents() -> None:
    """See incidents and their reports.

    To open one, say `/incident TITLE` in a room, or `/incident` in a thread.
    """


@incidents.command(name="list")
@click.option("--status", type=click.Choice([one.value for one in IncidentStatus]), help="Only these.")
@click.option("--room", help="Only those of the room with this id.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=_LISTED, show_default=True, help="The maximum number."
)
@output_options
@click.pass_obj
def list_incidents(server: Server, status: str | None, room: str | None, limit: int, as_json: bool) -> None:
    """List incidents, the one that changed last first."""

    async def work(opsroom: Opsroom) -> None:
        found: dict[str, Incident] = {}
        wanted = None if status is None else IncidentStatus(status)
        async for one in opsroom.incidents.all(status=wanted, room=room):
            found.setdefault(one.id, one)
            if len(found) >= limit:
                break
        if as_json:
            show_json(found.values())
        else:
            show_table(_COLUMNS, [_row(one) for one in found.values()])

    run(server, work)


@incidents.command()
@click.argument("incident", metavar="ID")
@output_options
@click.pass_obj
def show(server: Server, incident: str, as_json: bool) -> None:
    """Show the incident ID, and how it has changed."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.incidents.get(incident)
        if as_json:
            show_json([found])
            return
        one = found.incident
        print_line(f"{one.title or '(removed)'}: {one.status.value}, {_lead(one)}, in {one.room}")
        for change in found.changes:
            card = "" if change.card_status is None else f" {change.card_status.value}"
            print_line(f"{rfc3339(change.at)} {change.by}: {change.kind.value}{card}")

    run(server, work)


@incidents.command()
@click.argument("incident", metavar="ID")
@output_options
@click.pass_obj
def report(server: Server, incident: str, as_json: bool) -> None:
    """Print the report of the incident ID as Markdown, or as one JSON object."""

    async def work(opsroom: Opsroom) -> None:
        if as_json:
            show_json([await opsroom.incidents.report(incident)])
        else:
            for line in (await opsroom.incidents.report_text(incident)).splitlines():
                click.echo(visible(line))

    run(server, work)


@incidents.command()
@click.argument("incident", metavar="ID")
@output_options
@click.pass_obj
def close(server: Server, incident: str, as_json: bool) -> None:
    """Close the incident ID."""
    _act(server, lambda opsroom: opsroom.incidents.close(incident), as_json=as_json)


@incidents.command()
@click.argument("incident", metavar="ID")
@output_options
@click.pass_obj
def reopen(server: Server, incident: str, as_json: bool) -> None:
    """Reopen the incident ID."""
    _act(server, lambda opsroom: opsroom.incidents.reopen(incident), as_json=as_json)


@incidents.command()
@click.argument("incident", metavar="ID")
@output_options
@click.pass_obj
def lead(server: Server, incident: str, as_json: bool) -> None:
    """Take the lead of the incident ID."""
    _act(server, lambda opsroom: opsroom.incidents.lead(incident), as_json=as_json)


def _act(server: Server, act: Callable[[Opsroom], Awaitable[IncidentReply]], *, as_json: bool) -> None:
    async def work(opsroom: Opsroom) -> None:
        changed = (await act(opsroom)).incident
        if as_json:
            show_json([changed])
        else:
            print_line(f"{changed.id} {changed.status.value}, {_lead(changed)}")

    run(server, work)


def _row(one: Incident) -> tuple[str, ...]:
    lead = "" if one.lead is None else one.lead.name
    return (one.id, one.status.value, one.room, lead, rfc3339(one.opened_at), one.title or "(removed)")


def _lead(one: Incident) -> str:
    return "nobody leads it" if one.lead is None else f"{one.lead.name} leads it"
