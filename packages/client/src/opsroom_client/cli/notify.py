"""``opsroom notify``: what you are notified of."""

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.rooms import find_room, title
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import validating_request
from opsroom_contracts.chat.notifications import NotifyLevel, QuietHours, RoomLevel

_LEVELS = click.Choice([level.value for level in NotifyLevel])
_ROOM_LEVELS = click.Choice([level.value for level in RoomLevel])


@click.group()
def notify() -> None:
    """See and change what you are notified of; with the token of a registered user."""


@notify.command()
@output_options
@click.pass_obj
def show(server: Server, as_json: bool) -> None:
    """Show your notification settings."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.notifications.get()
        if as_json:
            show_json((found,))
            return
        quiet, rooms = found.settings.quiet, found.settings.rooms
        titles = {view.room.id: title(view.room) for view in await opsroom.rooms.list()} if rooms else {}
        hours = "none" if quiet is None else f"{quiet.begin}-{quiet.end} {quiet.zone}"
        devices = "turned off" if found.push is None else str(found.push.devices)
        rows = [("everywhere", found.settings.level.value), ("quiet hours", hours), ("devices", devices)]
        rows += [(titles.get(room, room), level.value) for room, level in rooms.items()]
        show_table(("WHERE", "NOTIFICATIONS"), rows)

    run(server, work)


@notify.command()
@click.argument("level", type=_LEVELS)
@click.pass_obj
def everywhere(server: Server, level: str) -> None:
    """Notify of all messages, of mentions or of nothing, in rooms that have no other level."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.notifications.change(level=NotifyLevel(level))
        print_line(f"everywhere: {level}")

    run(server, work)


@notify.command()
@click.argument("room")
@click.argument("level", type=_ROOM_LEVELS)
@click.pass_obj
def room(server: Server, room: str, level: str) -> None:
    """Notify of LEVEL in ROOM (its name or id); `usual`: as everywhere."""

    async def work(opsroom: Opsroom) -> None:
        found = (await find_room(opsroom, room)).room
        await opsroom.notifications.change(rooms={found.id: RoomLevel(level)})
        print_line(f"{title(found)}: {level}")

    run(server, work)


@notify.command()
@click.argument("hours", metavar="BEGIN-END|off")
@click.option("--zone", default="UTC", show_default=True, help="The time zone, such as Europe/Berlin.")
@click.pass_obj
def quiet(server: Server, hours: str, zone: str) -> None:
    """Do not disturb from BEGIN to END, such as 22:00-07:00, each day; `off` ends that."""
    begin, _, end = hours.partition("-")

    async def work(opsroom: Opsroom) -> None:
        if hours == "off":
            await opsroom.notifications.change(quiet_off=True)
            print_line("no quiet hours")
            return
        with validating_request():
            chosen = QuietHours(begin=begin, end=end, zone=zone)
        await opsroom.notifications.change(quiet=chosen)
        print_line(f"quiet from {begin} to {end}, {zone}")

    run(server, work)
