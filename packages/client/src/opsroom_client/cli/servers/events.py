"""``opsroom servers watch`` and ``opsroom servers history``: what happened to servers."""

import click

from opsroom_client.cli.output import output_options, print_line, print_note, show_json
from opsroom_client.cli.running import Server, report_connection, run
from opsroom_client.cli.servers.ids import InstanceId, resolve
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.http import CloudEvent
from opsroom_contracts.serialization.model import rfc3339

_WIDEST_TYPE = 9
_ID_LENGTH = 36
"""Of an id that Opsroom made."""


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
@click.argument("instance_id", metavar="ID", type=InstanceId())
@click.option("-n", "--last", type=click.IntRange(min=1), help="Print the last events only; default: all.")
@output_options
@click.pass_obj
def history(server: Server, instance_id: str, last: int | None, as_json: bool) -> None:
    """Print what happened to the server ID, oldest first.

    ID may be shortened; that of a removed server must be complete.
    """

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.cloud.history(await _existing_id(opsroom, instance_id))
        if not found:
            raise OpsroomError(f"no event of {instance_id} is stored")
        for event in found[-(last or len(found)) :]:
            _print_event(event, as_json=as_json)

    run(server, work)


async def _existing_id(opsroom: Opsroom, prefix: str) -> str:
    if len(prefix) >= _ID_LENGTH:
        return prefix
    try:
        (found,) = resolve((await opsroom.cloud.instances()).instances, [prefix])
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
    what = f"{event.type.value:<{_WIDEST_TYPE}} {command:<7} {event.state.value:<7}"
    reason = f" ({event.reason})" if event.reason else ""
    return f"{rfc3339(event.timestamp)} {event.instance_id} {what} by {event.actor}{reason}"
