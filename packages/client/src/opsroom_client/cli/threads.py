"""``opsroom threads``: the threads that you follow."""

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.rooms import find_room, title
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError
from opsroom_contracts.serialization.model import rfc3339

_ROOM = click.option("--room", default="general", show_default=True, help="The room, by name or id.")
_TEXT_MAX = 60


@click.group()
def threads() -> None:
    """See and choose the threads that you follow; with the token of a registered user.

    You follow a thread once you reply in it, are mentioned in it, or somebody replies to your message.
    """


@threads.command()
@click.option("--unread", is_flag=True, help="Only those with unread replies.")
@output_options
@click.pass_obj
def ls(server: Server, unread: bool, as_json: bool) -> None:
    """List the threads that you follow, the one with the newest reply first."""

    async def work(opsroom: Opsroom) -> None:
        found = [one async for one in opsroom.threads.followed() if one.unread or not unread]
        if as_json:
            show_json(found)
            return
        titles = {view.room.id: title(view.room) for view in await opsroom.rooms.list()}
        rows = [
            (
                one.root.id,
                titles.get(one.root.room, one.root.room),
                _short(one.root.text),
                str(one.unread),
                f"{rfc3339(one.last.timestamp)} {one.last.user.name}",
            )
            for one in found
        ]
        show_table(("ID", "ROOM", "THREAD", "UNREAD", "LAST REPLY"), rows)

    run(server, work)


@threads.command()
@click.argument("thread", metavar="ID")
@_ROOM
@click.pass_obj
def follow(server: Server, thread: str, room: str) -> None:
    """Follow the thread of the message ID."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.threads.follow(thread, room=await _room(opsroom, room))
        print_line(f"{thread} followed")

    run(server, work)


@threads.command()
@click.argument("thread", metavar="ID")
@_ROOM
@click.pass_obj
def unfollow(server: Server, thread: str, room: str) -> None:
    """Stop following the thread of the message ID, until you reply in it or are mentioned in it."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.threads.follow(thread, on=False, room=await _room(opsroom, room))
        print_line(f"{thread} not followed")

    run(server, work)


@threads.command()
@click.argument("thread", metavar="ID")
@click.pass_obj
def read(server: Server, thread: str) -> None:
    """Mark the thread of the message ID, which you follow, as read on all of your devices."""

    async def work(opsroom: Opsroom) -> None:
        async for one in opsroom.threads.followed():
            if one.root.id == thread:
                await opsroom.threads.read(thread, one.last.seq, room=one.root.room)
                print_line(f"{thread} is read")
                return
        raise OpsroomError(f"you follow no thread {thread!r}; `opsroom threads ls` lists yours")

    run(server, work)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_MAX else f"{line[: _TEXT_MAX - 1]}…"


async def _room(opsroom: Opsroom, room: str) -> str:
    return room if room == "general" else (await find_room(opsroom, room)).room.id
