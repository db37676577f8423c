"""``opsroom rooms``: rooms and their members."""

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.chat.rooms import Room, RoomView
from opsroom_contracts.identity import is_bot
from opsroom_contracts.serialization.model import rfc3339


class UnknownRoomError(OpsroomError):
    """No room that the user can see has this name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no room {name!r} that you can see; `opsroom rooms ls` lists them")


@click.group()
def rooms() -> None:
    """Create, join and leave rooms; with the token of a registered user (--token-file or OPSROOM_TOKEN)."""


@rooms.command()
@output_options
@click.pass_obj
def ls(server: Server, as_json: bool) -> None:
    """List the rooms that you can see."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.rooms.list()
        if as_json:
            show_json(found)
            return
        rows = [_row(view) for view in found]
        show_table(("ID", "NAME", "KIND", "YOU", "DESCRIPTION"), rows)

    run(server, work)


@rooms.command()
@click.argument("name")
@click.option("--description", help="What the room is for; at most 500 characters.")
@click.option("--private", is_flag=True, help="Only those who are invited see it.")
@click.pass_obj
def create(server: Server, name: str, description: str | None, private: bool) -> None:
    """Create the room NAME; you are its owner."""

    async def work(opsroom: Opsroom) -> None:
        room = await opsroom.rooms.create(name, description=description, private=private)
        print_line(f"{room.id} {room.name} created")

    run(server, work)


@rooms.command()
@click.argument("room")
@click.option("--name", help="The new name.")
@click.option("--description", help="The new description; an empty one removes it.")
@click.option("--archive/--unarchive", default=None, help="Nobody can send to an archived room.")
@click.pass_obj
def change(
    server: Server, room: str, name: str | None, description: str | None, archive: bool | None
) -> None:
    """Change ROOM (its name or id); for its owners."""

    async def work(opsroom: Opsroom) -> None:
        found = await find_room(opsroom, room)
        after = await opsroom.rooms.change(
            found.room.id, name=name, description=description, archived=archive
        )
        print_line(f"{after.id} {after.name} changed")

    run(server, work)


@rooms.command()
@click.argument("room")
@click.pass_obj
def join(server: Server, room: str) -> None:
    """Join ROOM (its name or id)."""

    async def work(opsroom: Opsroom) -> None:
        found = await find_room(opsroom, room)
        await opsroom.rooms.join(found.room.id)
        print_line(f"joined {title(found.room)}")

    run(server, work)


@rooms.command()
@click.argument("room")
@click.pass_obj
def leave(server: Server, room: str) -> None:
    """Leave ROOM (its name or id)."""

    async def work(opsroom: Opsroom) -> None:
        found = await find_room(opsroom, room)
        await opsroom.rooms.leave(found.room.id)
        print_line(f"left {title(found.room)}")

    run(server, work)


@rooms.command()
@click.argument("room")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def invite(server: Server, room: str, names: tuple[str, ...]) -> None:
    """Add people who are present, by NAME, and bots, by their ids, to ROOM (its name or id)."""

    async def work(opsroom: Opsroom) -> None:
        found = await find_room(opsroom, room)
        await opsroom.rooms.invite(found.room.id, [await _id_of(opsroom, name) for name in names])
        print_line(f"added to {title(found.room)}: {', '.join(names)}")

    run(server, work)


@rooms.command()
@output_options
@click.pass_obj
def unread(server: Server, as_json: bool) -> None:
    """Count unread messages in each of your rooms; 999 stands for that many or more."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.rooms.unread()
        if as_json:
            show_json(found.rooms)
            return
        titles = {view.room.id: title(view.room) for view in await opsroom.rooms.list()}
        rows = [(titles.get(one.room, one.room), str(one.unread), str(one.mentions)) for one in found.rooms]
        show_table(("ROOM", "UNREAD", "MENTIONS"), rows)

    run(server, work)


@rooms.command()
@click.argument("room")
@click.pass_obj
def read(server: Server, room: str) -> None:
    """Mark ROOM (its name or id) as read, on all of your devices."""

    async def work(opsroom: Opsroom) -> None:
        found = (await find_room(opsroom, room)).room
        for one in (await opsroom.rooms.unread()).rooms:
            if one.room == found.id and one.last is not None:
                await opsroom.rooms.read(found.id, one.last)
        print_line(f"{title(found)} is read")

    run(server, work)


@rooms.command()
@click.argument("room")
@output_options
@click.pass_obj
def members(server: Server, room: str, as_json: bool) -> None:
    """List the members of ROOM (its name or id)."""

    async def work(opsroom: Opsroom) -> None:
        found = await opsroom.rooms.members((await find_room(opsroom, room)).room.id)
        if as_json:
            show_json(found)
            return
        rows = [(one.user.id, one.user.name, one.role.value, rfc3339(one.joined_at)) for one in found]
        show_table(("ID", "NAME", "ROLE", "JOINED"), rows)

    run(server, work)


async def find_room(opsroom: Opsroom, name: str) -> RoomView:
    """Return the room with this id, or else with this name.

    Raises:
        UnknownRoomError: there is none.
    """
    found = await opsroom.rooms.list()
    by_id = [view for view in found if view.room.id == name]
    by_name = [view for view in found if (view.room.name or "").casefold() == name.casefold()]
    if not (by_id or by_name):
        raise UnknownRoomError(name)
    return (by_id or by_name)[0]


def title(room: Room) -> str:
    """Return what to call a room."""
    return room.name or room.id


def _row(view: RoomView) -> tuple[str, ...]:
    room = view.room
    return room.id, room.name or "", room.kind.value, view.role or "", room.description or ""


async def _id_of(opsroom: Opsroom, name: str) -> str:
    if is_bot(name):
        return name
    for user in await opsroom.users():
        if user.name == name:
            return user.id
    raise OpsroomError(f"{name} is not here now; only people who are present can be added by name")
