"""``opsroom chat``: talk from a terminal, or pipe lines in."""

import asyncio
import getpass
import sys
from contextlib import suppress

import click

from opsroom_client.chat import Chat, ChatEvent
from opsroom_client.cli.output import remark, say
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.stdin_lines import stdin_lines
from opsroom_client.client import Opsroom
from opsroom_client.errors import RefusedError
from opsroom_contracts.chat import Message
from opsroom_contracts.frames import (
    ErrorFrame,
    JoinedFrame,
    LeftFrame,
    MessageFrame,
    Mute,
    MutedFrame,
    RemovedFrame,
    ResetFrame,
    UnmutedFrame,
    WelcomeFrame,
)

_NAME_MAX = 32


def _login() -> str:
    try:
        return getpass.getuser()[:_NAME_MAX]
    except (OSError, KeyError):  # no such user, as in many containers
        return "guest"


@click.command()
@click.option("--name", default=_login, show_default="your login", help="The name to take.")
@click.option("--room", default="general", show_default=True, help="The room to talk in.")
@click.option(
    "--last", type=click.IntRange(0, 200), default=20, show_default=True, help="Old messages to show."
)
@click.pass_obj
def chat(server: Server, name: str, room: str, last: int) -> None:
    """Join the chat: what you type is said, what others say is shown. Ctrl-D or Ctrl-C leaves.

    In a pipe every line of the input is said, and the command ends once all of them are stored:

    \b
        date | opsroom chat --name clock
    """

    async def work(opsroom: Opsroom) -> None:
        registered = await opsroom.register(name)
        async with opsroom.chat(registered.token) as joined:
            interactive = sys.stdin.isatty()
            if interactive:
                await _greet(opsroom, joined, room, last)
            listening = asyncio.create_task(_listen(joined, room)) if interactive else None
            try:
                await _talk(joined, room, listening)
            finally:
                if listening is not None:
                    listening.cancel()
                    await asyncio.wait({listening})
                await joined.leave()

    run(server, work)


async def _greet(opsroom: Opsroom, joined: Chat, room: str, last: int) -> None:
    here = ", ".join(user.name for user in joined.users.values())
    remark(f"You are {joined.user.name}. Here: {here}. Ctrl-D leaves.")
    if last:
        for message in await opsroom.history(room, limit=last):
            _show(message)


async def _talk(joined: Chat, room: str, listening: asyncio.Task[None] | None) -> None:
    """Say each line of the input, until it ends or the chat does."""
    async for line in stdin_lines(listening):
        try:
            await joined.send(line, room=room)
        except RefusedError as error:
            if listening is None:
                raise
            remark(f"not said: {error}")


async def _listen(joined: Chat, room: str) -> None:
    with suppress(asyncio.CancelledError):
        async for event in joined:
            tell(event, joined, room)


def tell(event: ChatEvent, joined: Chat, room: str) -> None:
    """Print what the chat tells, as far as it concerns ``room`` or people."""
    match event:
        case MessageFrame():
            if event.room == room and event.user.id != joined.user.id:
                _show(event)
        case JoinedFrame() | LeftFrame():
            if event.user.id != joined.user.id:
                remark(f"* {event.user.name} {event.type}")
        case ErrorFrame():
            remark(f"opsroom: {event.message}")
        case ResetFrame():
            remark("* some messages were missed and can't be told any more")
        case _:
            _tell_of_moderation(event, room)


def _tell_of_moderation(event: ChatEvent, room: str) -> None:
    match event:
        case RemovedFrame():
            if event.room == room:  # what is on the terminal can't be taken back
                remark(f"* message {event.id} was removed")
        case MutedFrame():
            remark(_muted(event))
        case UnmutedFrame():
            remark("* you may write again")
        case WelcomeFrame():
            if event.muted is not None:
                remark(_muted(event.muted))


def _muted(mute: Mute) -> str:
    end = "until that is lifted" if mute.until is None else f"until {mute.until.astimezone():%H:%M %d.%m.%Y}"
    return f"* you may read and not write {end}" + ("" if mute.reason is None else f": {mute.reason}")


def _show(message: Message) -> None:
    local = message.timestamp.astimezone()
    say(f"{local:%H:%M} {message.user.name}: {message.text}")
