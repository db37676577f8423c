"""The commands that ``opsroom chat`` does itself. To add one, add a function and its row.

Those that the portal does are in :mod:`opsroom_contracts.incidents.table`, and bots may add more.
"""

from dataclasses import dataclass

from opsroom_client.chat import Chat
from opsroom_client.cli.output import print_note
from opsroom_client.cli.running import Server
from opsroom_client.cli.slash_commands import Registry, SlashCommand, help_lines, registry
from opsroom_client.errors import OpsroomError
from opsroom_contracts.incidents.bot_commands import BotCommand
from opsroom_contracts.incidents.grammar import spec_of
from opsroom_contracts.incidents.table import CHAT_COMMANDS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is given. ``server``: for what is asked over HTTP, with the token of the user."""

    chat: Chat
    server: Server


async def _help(place: Place, argument: str) -> bool:
    name = argument.removeprefix("/")
    spec = spec_of(name)
    if spec is not None:
        print_note(f"{spec.usage}\n{spec.help} For example: {spec.example}")
        return True
    offered = await offered_by_bots(place.server)
    if name in offered:
        print_note(_line(offered[name]))
        return True
    for line in help_lines(COMMANDS):
        print_note(line)
    print_note("Done by the portal, and seen by everybody here:")
    for one in CHAT_COMMANDS.values():
        if not one.is_local:
            print_note(f"{one.usage}  {one.help}")
    for command in offered.values():
        print_note(_line(command))
    return True


async def offered_by_bots(server: Server) -> dict[str, BotCommand]:
    """Return the commands of bots by name; none if the portal does not say which there are."""
    try:
        async with server.client() as opsroom:
            return {one.name: one for one in await opsroom.messages.commands()}
    except OpsroomError:
        return {}  # a portal of an earlier release, or one that restarts: the help is useful without them


def _line(command: BotCommand) -> str:
    usage = f"/{command.name} {command.arguments}".rstrip()
    return f"{usage}  {command.help} (bot {command.bot})"


async def _who(place: Place, _argument: str) -> bool:
    users = await place.chat.all_users()
    names = ", ".join(user.name for user in users.values())
    print_note(f"here ({len(users)}): {names}")
    return True


async def _quit(_place: Place, _argument: str) -> bool:
    return False


COMMANDS: Registry[Place] = registry(
    (
        SlashCommand("help", "list the commands, or explain one", _help, "[COMMAND]"),
        SlashCommand("who", "list who is here", _who),
        SlashCommand("quit", "leave the chat", _quit),
    )
)
