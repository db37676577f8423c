"""``opsroom search``: messages, servers and entries of the Worklog."""

from collections.abc import Iterator
from datetime import datetime

import click

from opsroom_client.cli.output import output_options, print_note, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_client.search import SearchFilter
from opsroom_contracts.errors import FaultError
from opsroom_contracts.search.models import SEARCH_DEFAULT, SEARCH_MAX, MessageHit, SearchResults
from opsroom_contracts.search.query import parse_moment
from opsroom_contracts.serialization.model import rfc3339

_AROUND = 40
"""Characters that are shown before the first highlight."""
_SHOWN = 160
"""Characters of a message that are shown."""


def _moment(_: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(f"--{parameter.name}", text)
    except FaultError as error:
        raise click.BadParameter(error.fault.message) from None


@click.command()
@click.argument("words", nargs=-1, metavar="[QUERY]...")
@click.option("--in", "room", metavar="ROOM", help="Only messages of this room (its name or id).")
@click.option("--from", "author", metavar="NAME", help="Only of this person (their name or id).")
@click.option("--after", callback=_moment, metavar="DATE", help="From this day or time on.")
@click.option("--before", callback=_moment, metavar="DATE", help="Before this day or time.")
@click.option(
    "--limit",
    type=click.IntRange(1, SEARCH_MAX),
    default=SEARCH_DEFAULT,
    show_default=True,
    help="How many results of each kind.",
)
@click.option("--cursor", help="Show the next page: the value that the last one ended with.")
@output_options
@click.pass_obj
def search(
    server: Server,
    /,
    words: tuple[str, ...],
    limit: int,
    cursor: str | None,
    as_json: bool,
    **narrowed: str | datetime | None,
) -> None:
    """Find messages, servers and entries of the Worklog.

    All words must match, in any form; "several words" in quotes must follow one another. The query may have
    filters, such as in:general from:ann after:2026-11-01 has:link.
    """

    async def work(opsroom: Opsroom) -> None:
        wanted = SearchFilter(**narrowed)  # type: ignore[arg-type]  # as the options above name them
        found = await opsroom.search(" ".join(words), narrowed=wanted, limit=limit, cursor=cursor)
        if as_json:
            show_json((found,))
            return
        show_found(found)
        if found.next is not None:
            print_note(f"There is more: --cursor {found.next}")

    run(server, work)


def show_found(found: SearchResults) -> None:
    """Show results as a table."""
    show_table(("KIND", "WHEN", "WHERE", "WHO", "WHAT"), list(_rows(found)))
    if not found.complete:
        print_note("The index is being built: older messages are found first, and newer ones later.")


def _rows(found: SearchResults) -> Iterator[tuple[str, str, str, str, str]]:
    for instance in found.servers or ():
        yield "server", rfc3339(instance.timestamp), instance.name, "", instance.state.value
    for hit in found.messages:
        message = hit.message
        yield "message", rfc3339(message.timestamp), message.room, message.user.name, _snippet(hit)
    for event in found.worklog or ():
        name = event.instance_id if event.instance is None else event.instance.name
        reason = f": {event.reason}" if event.reason else ""
        yield "worklog", rfc3339(event.timestamp), name, event.actor, f"{event.type.value}{reason}"


def _snippet(hit: MessageHit) -> str:
    """Return the part of a text around its first highlight, on one line."""
    text = hit.message.text
    first = hit.highlights[0].start if hit.highlights else 0
    start = max(0, first - _AROUND) if len(text) > _SHOWN else 0
    end = start + _SHOWN
    shown = " ".join(text[start:end].split())
    return f"{'…' if start else ''}{shown}{'…' if end < len(text) else ''}"
