"""``opsroom chat``: chat in a terminal, or send lines from a pipe."""

import asyncio
import getpass
import sys
from contextlib import suppress
from typing import assert_never

import click

from opsroom_client.chat import Chat, ChatEvent
from opsroom_client.cli.output import print_line, print_note
from opsroom_client.cli.running import Server, run
from opsroom_client.cli.stdin_lines import stdin_lines
from opsroom_client.client import Opsroom
from opsroom_client.errors import RequestRejectedError
from opsroom_contracts.chat.frames import (
    ErrorFrame,
    JoinedFrame,
    LeftFrame,
    MessageFrame,
    Mute,
    MutedFrame,
    RemovedFrame,
    ResetFrame,
    StoredFrame,
    TypingNotice,
    UnmutedFrame,
    WelcomeFrame,
)
from opsroom_contracts.chat.models import Message

_NAME_MAX = 32


def _login_name() -> str:
    try:
        return getpass.getuser()[:_NAME_MAX]
    except (OSError, KeyError):  # no entry for this uid, as in many containers
        return "guest"


@click.command()
@click.option("--name", default=_login_name, show_default="your login", help="Your nickname.")
@click.option("--room", default="general", show_default=True, help="The room to join.")
@click.option(
    "--last", type=click.IntRange(0, 200), default=20, show_default=True, help="Earlier messages to show."
)
@click.pass_obj
def chat(server: Server, name: str, room: str, last: int) -> None:
    """Join the chat: send what you type, and show the messages of others. Ctrl-D or Ctrl-C leaves.

    In a pipe, each line of the input is sent, and the command ends once all of them are stored:

    \b
        date | opsroom chat --name clock
    """

    async def work(opsroom: Opsroom) -> None:
        registered = await opsroom.register(name)
        async with opsroom.chat(registered.token) as joined:
            interactive = sys.stdin.isatty()
            if interactive:
                await _print_welcome(opsroom, joined, room, last)
            listener = asyncio.create_task(_print_events(joined, room)) if interactive else None
            try:
                await _send_lines(joined, room, listener)
            finally:
                if listener is not None:
                    listener.cancel()
                    await asyncio.wait({listener})
                await joined.leave()

    run(server, work)


async def _print_welcome(opsroom: Opsroom, joined: Chat, room: str, last: int) -> None:
    here = ", ".join(user.name for user in joined.users.values())
    print_note(f"You are {joined.user.name}. Here: {here}. Ctrl-D leaves.")
    if last:
        for message in await opsroom.history(room, limit=last):
            _print_message(message)


async def _send_lines(joined: Chat, room: str, listener: asyncio.Task[None] | None) -> None:
    """Send each line of the input, until the input or the chat ends."""
    async for line in stdin_lines(listener):
        try:
            await joined.send(line, room=room)
        except RequestRejectedError as error:
            if listener is None:
                raise
            print_note(f"not sent: {error}")


async def _print_events(joined: Chat, room: str) -> None:
    with suppress(asyncio.CancelledError):
        async for event in joined:
            print_event(event, joined, room)


def print_event(event: ChatEvent, joined: Chat, room: str) -> None:
    """Print ``event``, if it is about ``room`` or a user."""
    if isinstance(event, StoredFrame):
        if event.room == room:
            _print_stored_event(event, joined)
        return
    match event:
        case JoinedFrame() | LeftFrame():
            if event.user.id != joined.user.id:
                print_note(f"* {event.user.name} {event.type}")
        case ErrorFrame():
            print_note(f"opsroom: {event.message}")
        case ResetFrame():
            print_note("* some messages were missed and are no longer available")
        case MutedFrame() | UnmutedFrame() | WelcomeFrame():
            _print_mute_event(event)
        case TypingNotice():
            pass  # the terminal has no place for it
        case _:
            assert_never(event)


def _print_stored_event(event: StoredFrame, joined: Chat) -> None:
    match event:
        case MessageFrame():
            if event.user.id != joined.user.id:
                _print_message(event)
        case RemovedFrame():
            print_note(f"* message {event.id} was removed")  # it stays on the terminal
        case _:
            assert_never(event)


def _print_mute_event(event: MutedFrame | UnmutedFrame | WelcomeFrame) -> None:
    match event:
        case MutedFrame():
            print_note(_mute_text(event))
        case UnmutedFrame():
            print_note("* you are no longer muted")
        case WelcomeFrame():
            if event.muted is not None:
                print_note(_mute_text(event.muted))
        case _:
            assert_never(event)


def _mute_text(mute: Mute) -> str:
    end = "" if mute.until is None else f" until {mute.until.astimezone():%H:%M %d.%m.%Y}"
    return f"* you are muted{end}; you can still read" + ("" if mute.reason is None else f": {mute.reason}")


def _print_message(message: Message) -> None:
    local = message.timestamp.astimezone()
    print_line(f"{local:%H:%M} {message.user.name}: {message.text}")
