"""The commands that ``opsroom chat`` does itself. To add one, add a function and its row.

Those that the portal does are in :mod:`opsroom_contracts.incidents.table`.
"""

from opsroom_client.chat import Chat
from opsroom_client.cli.output import print_note
from opsroom_client.cli.slash_commands import Registry, SlashCommand, help_lines, registry
from opsroom_contracts.incidents.grammar import spec_of
from opsroom_contracts.incidents.table import CHAT_COMMANDS


async def _help(_chat: Chat, argument: str) -> bool:
    spec = spec_of(argument.removeprefix("/"))
    if spec is not None:
        print_note(f"{spec.usage}\n{spec.help} For example: {spec.example}")
        return True
    for line in help_lines(COMMANDS):
        print_note(line)
    print_note("Done by the portal, and seen by everybody here:")
    for one in CHAT_COMMANDS.values():
        if not one.is_local:
            print_note(f"{one.usage}  {one.help}")
    return True


async def _who(chat: Chat, _argument: str) -> bool:
    users = await chat.all_users()
    names = ", ".join(user.name for user in users.values())
    print_note(f"here ({len(users)}): {names}")
    return True


async def _quit(_chat: Chat, _argument: str) -> bool:
    return False


COMMANDS: Registry[Chat] = registry(
    (
        SlashCommand("help", "list the commands, or explain one", _help, "[COMMAND]"),
        SlashCommand("who", "list who is here", _who),
        SlashCommand("quit", "leave the chat", _quit),
    )
)
