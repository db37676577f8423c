"""What the chat stores of a command: a mark on its message, and a trigger for the workers."""

from typing import Annotated, Literal

from pydantic import Field

from opsroom_contracts.audit import Address
from opsroom_contracts.identity import Identity, Role
from opsroom_contracts.incidents.grammar import COMMAND_WORD
from opsroom_contracts.serialization.model import Identifier, Model, RoomName
from opsroom_contracts.serialization.versions import StoredContract

CommandWord = Annotated[str, Field(pattern=COMMAND_WORD)]
"""The name of a command, without the slash."""


class CommandCall(Model):
    """The mark of a message that is a command. ``name``: which one; the text has its arguments."""

    name: CommandWord


class CommandCaller(Model):
    """Who said a command, as the gateway identified them then, with the rights that they had then.

    ``actor``: the name to show. ``owner``: of a bot, the identity of the person whose bot it is. ``role``:
    what they may do. ``pending_max``: their quota of pending operations.
    """

    actor: Annotated[str, Field(min_length=1, max_length=64)]
    identity: Identity
    owner: Identity | None = None
    address: Address | None = None
    role: Role
    pending_max: Annotated[int, Field(ge=1)] | None = None


class CommandOrder(Model):
    """A message to store is the command ``name`` of ``caller``, as the gateway has authorized it.

    ``bot``: the one that offers it; None: it is the portal's.
    """

    name: CommandWord
    caller: CommandCaller
    bot: CommandWord | None = None


class CommandTrigger(Model):
    """A command to do, on ``chat.commands.<message id>``, stored right behind its message.

    It has no text: a message that is removed before its command is done leaves nothing to do. It is not part
    of the message, because readers of the room need not know the caller's address.

    ``bot``: the one that offered the command when it was said. It is fixed then, because the caller's rights
    were compared with what this bot asks for. A trigger with it has version 2: processes of releases that
    know no bots leave it to others.
    """

    version: Literal[1, 2] = 1
    room: RoomName
    message_id: Identifier
    caller: CommandCaller
    bot: CommandWord | None = None


COMMAND_TRIGGER = StoredContract(CommandTrigger)
