"""``opsroom servers watch`` and ``opsroom servers history``: what happened to servers."""

from dataclasses import replace

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json
from opsroom_client.cli.running import Server, report_connection, run
from opsroom_client.cli.servers.ids import InstanceId, resolve
from opsroom_client.cli.servers.options import filter_options
from opsroom_client.client import Opsroom
from opsroom_client.cloud import ALL_EVENTS, EventFilter
from opsroom_client.errors import OpsroomError
from opsroom_contracts.cloud.commands import Command, EventType
from opsroom_contracts.cloud.instances import is_uuid
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.serialization.model import rfc3339

_WIDEST_TYPE = max(len(one) for one in EventType)
_WIDEST_COMMAND = max(len(one) for one in Command)
_DEFAULT_LAST = 100


@click.command()
@click.option(
    "--since", type=click.IntRange(min=0), help="Start after this sequence; 0: from the first event."
)
@output_options
@click.pass_obj
def watch(server: Server, since: int | None, as_json: bool) -> None:
    """Print changes of servers until interrupted. Reconnects by itself and misses nothing."""

    async def work(opsroom: Opsroom) -> None:
        async with opsroom.cloud.follow(since, on_connection=report_connection) as changes:
            async for change in changes:
                if isinstance(change, CloudEvent):
                    _print_event(change, as_json=as_json)
                else:
                    print_note(
                        f"opsroom: changes before {change.seq} are no longer available; see `servers ls`"
                    )

    run(server, work)


@click.command()
@click.argument("instance_id", metavar="[ID]", required=False, type=InstanceId())
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=1),
    help="Print the last events only; default: all, without ID 100.",
)
@filter_options
@output_options
@click.pass_obj
def history(
    server: Server, instance_id: str | None, last: int | None, wanted: EventFilter, as_json: bool
) -> None:
    """Print what happened to the server ID, or to all servers, oldest first.

    A removed server is found by its complete id.
    """

    async def work(opsroom: Opsroom) -> None:
        found_id = None if instance_id is None else await _existing_id(opsroom, instance_id)
        limit = _DEFAULT_LAST if found_id is None and last is None else last
        found = await opsroom.cloud.past_events(replace(wanted, instance_id=found_id), limit=limit)
        if not found:
            what = "no event" if found_id is None else f"no event of {found_id}"
            raise OpsroomError(f"{what} is stored" if wanted == ALL_EVENTS else f"{what} matches")
        for event in found:
            _print_event(event, as_json=as_json)

    run(server, work)


async def _existing_id(opsroom: Opsroom, given: str) -> str:
    if is_uuid(given):
        return given
    try:
        (found,) = resolve((await opsroom.cloud.instances()).instances, [given])
    except OpsroomError as error:
        error.add_note("a removed server is found by its complete id")
        raise
    return found.id


def _print_event(event: CloudEvent, *, as_json: bool) -> None:
    if as_json:
        show_json([event])
    else:
        print_line(_event_line(event))


def _event_line(event: CloudEvent) -> str:
    command = event.command.value if event.command else "-"
    what = f"{event.type.value:<{_WIDEST_TYPE}} {command:<{_WIDEST_COMMAND}} {event.state.value:<7}"
    progress = event.progress
    reason = event.reason or (None if progress is None else progress.text) or ""
    percent = "" if progress is None or progress.percent is None else f"{progress.percent} %"
    about = f"{reason} {percent}".strip()
    return f"{rfc3339(event.timestamp)} {event.instance_id} {what} by {event.actor}{about and f' ({about})'}"
