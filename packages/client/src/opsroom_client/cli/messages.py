"""``opsroom messages``: read, send and change messages without staying in the chat."""

import sys

import click

from opsroom_client.cli.output import output_options, print_line, show_json, show_table
from opsroom_client.cli.rooms import find_room
from opsroom_client.cli.running import Server, run
from opsroom_client.client import Opsroom
from opsroom_contracts.chat.models import HISTORY_MAX, TEXT_MAX, Message, SendReply
from opsroom_contracts.serialization.model import rfc3339

_ROOM = click.option("--room", default="general", show_default=True, help="The room, by name or id.")
_OFF = click.option("--off", is_flag=True, help="Remove it.")


@click.group()
def messages() -> None:
    """Read, send and change messages; with the token of a registered user (--token-file or OPSROOM_TOKEN)."""


@messages.command()
@_ROOM
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@click.option("--pinned", is_flag=True, help="Only the pinned messages, the last one first.")
@output_options
@click.pass_obj
def ls(server: Server, room: str, last: int, pinned: bool, as_json: bool) -> None:
    """List messages with their ids."""

    async def work(opsroom: Opsroom) -> None:
        chosen = await _room(opsroom, room)
        if pinned:
            found: tuple[Message, ...] = tuple(pin.message for pin in await opsroom.messages.pins(chosen))
        else:
            found = await opsroom.history(chosen, limit=last)
        if as_json:
            show_json(found)
            return
        show_table(("ID", "SENT", "BY", "TEXT", "REACTIONS"), [_row(message) for message in found])

    run(server, work)


@messages.command()
@click.argument("text")
@_ROOM
@click.option("--key", help="An idempotency key: sends with the same one are stored once.")
@click.option("--thread", help="The id of the message that this one replies to.")
@click.option("--broadcast", is_flag=True, help="Show the reply in the room, too.")
@click.pass_obj
def send(server: Server, text: str, room: str, key: str | None, thread: str | None, broadcast: bool) -> None:
    """Send TEXT, and print the id of the message. With - as TEXT, send what is piped in, as one message."""
    said = _piped() if text == "-" else text

    async def work(opsroom: Opsroom) -> None:
        chosen = await _room(opsroom, room)
        sent = await opsroom.messages.send(said, room=chosen, key=key, thread=thread, broadcast=broadcast)
        print_line(sent.id)

    run(server, work)


@messages.command("thread")
@click.argument("message_id", metavar="ID")
@_ROOM
@output_options
@click.pass_obj
def show_thread(server: Server, message_id: str, room: str, as_json: bool) -> None:
    """Show the message ID and the last 200 replies to it."""

    async def work(opsroom: Opsroom) -> None:
        chosen = await _room(opsroom, room)
        found = await opsroom.messages.thread(message_id, room=chosen, limit=HISTORY_MAX)
        shown = (found.root, *found.replies)
        if as_json:
            show_json(shown)
            return
        show_table(("ID", "SENT", "BY", "TEXT", "REACTIONS"), [_row(message) for message in shown])

    run(server, work)


def _piped() -> str:
    """Read the message from the standard input; one that is too long is refused without reading the rest."""
    found = sys.stdin.read(TEXT_MAX + 2).rstrip("\n")
    if len(found) > TEXT_MAX:
        raise click.UsageError(f"the input has more than {TEXT_MAX} characters, the limit of a message")
    return found


@messages.command()
@click.argument("message")
@click.argument("text")
@_ROOM
@click.pass_obj
def edit(server: Server, message: str, text: str, room: str) -> None:
    """Replace the text of your message with the id MESSAGE by TEXT."""

    async def work(opsroom: Opsroom) -> None:
        _report(await opsroom.messages.edit(message, text, room=await _room(opsroom, room)), "edited")

    run(server, work)


@messages.command()
@click.argument("message")
@_ROOM
@click.pass_obj
def delete(server: Server, message: str, room: str) -> None:
    """Delete your message with the id MESSAGE."""

    async def work(opsroom: Opsroom) -> None:
        await opsroom.messages.delete(message, room=await _room(opsroom, room))
        print_line(f"{message} deleted")

    run(server, work)


@messages.command()
@click.argument("message")
@click.argument("emoji")
@_ROOM
@_OFF
@click.pass_obj
def react(server: Server, message: str, emoji: str, room: str, off: bool) -> None:
    """React to the message with the id MESSAGE with one EMOJI."""

    async def work(opsroom: Opsroom) -> None:
        chosen = await _room(opsroom, room)
        reply = await opsroom.messages.react(message, emoji, on=not off, room=chosen)
        _report(reply, "reaction removed" if off else "reaction added")

    run(server, work)


@messages.command()
@click.argument("message")
@_ROOM
@_OFF
@click.pass_obj
def pin(server: Server, message: str, room: str, off: bool) -> None:
    """Pin the message with the id MESSAGE in its room."""

    async def work(opsroom: Opsroom) -> None:
        reply = await opsroom.messages.pin(message, on=not off, room=await _room(opsroom, room))
        _report(reply, "unpinned" if off else "pinned")

    run(server, work)


async def _room(opsroom: Opsroom, room: str) -> str:
    return room if room == "general" else (await find_room(opsroom, room)).room.id


def _report(reply: SendReply, done: str) -> None:
    print_line(f"{reply.id} {'unchanged' if reply.duplicate else done}")


def _row(message: Message) -> tuple[str, ...]:
    reactions = " ".join(f"{one.emoji} {one.count}" for one in message.reactions or ())
    edited = "" if message.edited_at is None else " (edited)"
    sent = rfc3339(message.timestamp)
    return message.id, sent, message.user.name, f"{message.text}{edited}", reactions
