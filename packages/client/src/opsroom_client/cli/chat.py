"""``opsroom chat``: chat in a terminal, or send lines from a pipe."""

import asyncio
import getpass
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import assert_never

import click

from opsroom_client.chat import Chat, ChatEvent
from opsroom_client.cli.chat_commands import COMMANDS, Place, offered_by_bots
from opsroom_client.cli.messages import send
from opsroom_client.cli.output import print_line, print_note
from opsroom_client.cli.rooms import find_room
from opsroom_client.cli.running import EXIT_FAILED, Server, run
from opsroom_client.cli.search import show_found
from opsroom_client.cli.slash_commands import Invocation, Registry, Text, Unknown, parse
from opsroom_client.cli.stdin_lines import stdin_lines
from opsroom_client.client import Opsroom
from opsroom_client.errors import OpsroomError, RequestRejectedError
from opsroom_contracts.chat.frames import (
    EditedFrame,
    ErrorFrame,
    JoinedFrame,
    LeftFrame,
    MessageFrame,
    Mute,
    MutedFrame,
    NotificationsFrame,
    PinnedFrame,
    ReactionFrame,
    ReadNotice,
    RemovedFrame,
    ResetFrame,
    RoomFrame,
    StoredFrame,
    ThreadsNotice,
    TypingNotice,
    UnmutedFrame,
    WelcomeFrame,
)
from opsroom_contracts.chat.models import Message
from opsroom_contracts.chat.rooms import RoomKind
from opsroom_contracts.incidents.commands import SearchFor
from opsroom_contracts.incidents.grammar import escaped
from opsroom_contracts.incidents.grammar import parse as parse_command
from opsroom_contracts.incidents.words import Problem, Reason

_DEFAULT_ROOM = "general"
_NAME_MAX = 32
_QUOTED_CHARACTERS = 40


class InvalidCommandError(OpsroomError):
    """A line begins with a slash and is no valid command. It is not sent."""


def _login_name() -> str:
    try:
        return getpass.getuser()[:_NAME_MAX]
    except (OSError, KeyError):  # no entry for this uid, as in many containers
        return "guest"


@click.group(invoke_without_command=True)
@click.option("--name", default=_login_name, show_default="your login", help="Your nickname.")
@click.option("--room", "chosen", default=_DEFAULT_ROOM, show_default=True, help="The room, by name or id.")
@click.option(
    "--last", type=click.IntRange(0, 200), default=20, show_default=True, help="Earlier messages to show."
)
@click.option("--literal", is_flag=True, help="Send lines that begin with / as they are.")
@click.pass_context
def chat(context: click.Context, name: str, chosen: str, last: int, literal: bool) -> None:
    """Join the chat: send what you type, and show the messages of others. Ctrl-D or Ctrl-C leaves.

    Lines that begin with / are commands, such as /help; // stands for / at the beginning of a message.

    In a pipe, each line of the input is sent, and the command ends once all of them are stored. It reports
    lines that the portal refuses, sends the others, and ends with exit code 1:

    \b
        date | opsroom chat --name clock

    `opsroom chat send` sends one message with a token, without joining.
    """
    if context.invoked_subcommand is not None:
        return
    server = context.ensure_object(Server)
    commands = None if literal else COMMANDS

    async def work(opsroom: Opsroom) -> None:
        registered = await opsroom.register(name)
        async with opsroom.chat(registered.token) as joined:
            room = await _enter(server, registered.token, chosen)
            interactive = sys.stdin.isatty()
            if interactive:
                await _print_welcome(opsroom, joined, room, last)
            listener = asyncio.create_task(_print_events(joined, room)) if interactive else None
            try:
                searcher = replace(server, token=registered.token)
                lines = _Lines(joined, room, commands, searcher)
                complete = await _send_lines(lines, listener)
            finally:
                if listener is not None:
                    listener.cancel()
                    await asyncio.wait({listener})
                await joined.leave()
            if not (interactive or complete):
                raise click.exceptions.Exit(EXIT_FAILED)

    run(server, work)


chat.add_command(send)


async def _enter(server: Server, token: str, room: str) -> str:
    """Return the id of the room with this name or id; join it if it is public.

    Raises:
        UnknownRoomError: there is none that this user can see.
    """
    if room == _DEFAULT_ROOM:
        return room
    async with replace(server, token=token).client() as opsroom:
        found = await find_room(opsroom, room)
        if found.room.kind is RoomKind.PUBLIC and found.role is None:
            await opsroom.rooms.join(found.room.id)
        return found.room.id


async def _print_welcome(opsroom: Opsroom, joined: Chat, room: str, last: int) -> None:
    here = ", ".join(user.name for user in joined.users.values())
    more = joined.user_count - len(joined.users)
    others = f" and {more} more" if more > 0 else ""
    print_note(f"You are {joined.user.name}. Here: {here}{others}. /help lists commands, Ctrl-D leaves.")
    if last:
        for message in await opsroom.history(room, limit=last):
            _print_message(message)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Where lines go. ``commands``: those to run here; None: all lines are text. ``server``: for HTTP."""

    joined: Chat
    room: str
    commands: Registry[Place] | None
    server: Server


async def _send_lines(lines: _Lines, listener: asyncio.Task[None] | None) -> bool:
    """Send each line of the input, or run it as a command, until the input or the chat ends.

    Returns whether all were stored.
    """
    complete = True
    async for line in stdin_lines(listener):
        try:
            if not await _handle_line(line, lines):
                break
        except (RequestRejectedError, InvalidCommandError) as error:
            complete = False
            print_note(f"not sent: {line[:_QUOTED_CHARACTERS]}: {error}")
    return complete


async def _handle_line(line: str, lines: _Lines) -> bool:
    """Send ``line`` or run it as a command. Returns whether the chat goes on.

    Raises:
        InvalidCommandError: it is no valid command.
        OpsroomError: it was not sent.
    """
    parsed = Text(line) if lines.commands is None else parse(line, lines.commands)
    match parsed:
        case Text(text):
            await lines.joined.send(escaped(text), room=lines.room)
            return True
        case Invocation(command, argument):
            return await command.run(Place(lines.joined, lines.server), argument)
        case Unknown():
            await _command_portal(line, lines)
            return True
        case _:
            assert_never(parsed)


async def _command_portal(line: str, lines: _Lines) -> None:
    """Say a command of the portal or of a bot, or search.

    Raises:
        InvalidCommandError: it is no valid command.
        OpsroomError: it was not sent.
    """
    said = parse_command(line)
    if isinstance(said, Problem) and said.reason is Reason.UNKNOWN:
        said = parse_command(line, await offered_by_bots(lines.server))
    if isinstance(said, Problem):
        raise InvalidCommandError(said.message)
    if isinstance(said, SearchFor):
        async with lines.server.client() as opsroom:
            show_found(await opsroom.search(said.query))
        return
    await lines.joined.send(line, room=lines.room)


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
        case RoomFrame() if event.room.id == room and event.role is None:
            print_note("* you are no longer in this room")
        case TypingNotice() | RoomFrame() | ReadNotice() | NotificationsFrame() | ThreadsNotice():
            pass  # the terminal has no place for it
        case _:
            assert_never(event)


def _print_stored_event(event: StoredFrame, joined: Chat) -> None:
    match event:
        case MessageFrame():
            if event.user.id != joined.user.id and (event.thread is None or event.broadcast):
                _print_message(event)
        case RemovedFrame():
            print_note(f"* message {event.id} was removed")  # it stays on the terminal
        case EditedFrame():
            if event.message.user.id != joined.user.id:
                _print_message(event.message)
        case ReactionFrame():
            if event.user.id != joined.user.id:
                change = "reacts with" if event.on else "removes"
                print_note(f"* {event.user.name} {change} {event.emoji}")
        case PinnedFrame():
            change = "pinned" if event.on else "unpinned"
            print_note(f"* {event.user.name} {change} message {event.id}")
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
    edited = "" if message.edited_at is None else " (edited)"
    print_line(f"{local:%H:%M} {message.user.name}: {message.text}{edited}")
