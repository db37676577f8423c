"""The commands of ``opsroom chat``. To add one, add a function and its row."""

from opsroom_client.chat import Chat
from opsroom_client.cli.output import print_note
from opsroom_client.cli.slash_commands import Registry, SlashCommand, help_lines, registry


async def _help(_chat: Chat, _argument: str) -> bool:
    for line in help_lines(COMMANDS):
        print_note(line)
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
        SlashCommand("help", "list these commands", _help),
        SlashCommand("who", "list who is here", _who),
        SlashCommand("quit", "leave the chat", _quit),
    )
)
