"""Commands of bots: how a bot describes them, what it is asked, and what it may answer.

A bot is a service of ``nats.micro`` whose name is the bot's. Each endpoint with the metadata ``command`` is a
command; its subject is :func:`bot_subject`, so that a bot with a NATS user can offer nothing as another bot.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from opsroom_contracts.chat.models import Text, User
from opsroom_contracts.identity import BOT_ID_PREFIX, Identity, Role
from opsroom_contracts.incidents.cards import (
    ACTIONS_MAX,
    FIELDS_MAX,
    CardAction,
    CardField,
    CardKind,
    CardStatus,
    CardText,
    Link,
    PersonName,
    Severity,
    Title,
    one_line,
)
from opsroom_contracts.incidents.grammar import COMMAND_WORD
from opsroom_contracts.incidents.posts import OPSROOM
from opsroom_contracts.serialization.codec import contract_of
from opsroom_contracts.serialization.model import Identifier, Model, RoomName
from opsroom_contracts.subjects import SERVICE_NAMES

BOTS_MAX: Final = 50
BOT_COMMANDS_MAX: Final = 100
BOT_HELP_MAX: Final = 200
BOT_ARGUMENTS_MAX: Final = 100
BOT_INFO_MAX_BYTES: Final = 64 * 1024
"""The maximum size of the description of a bot."""
BOT_ANSWER_MAX_BYTES: Final = 64 * 1024

BotName = Annotated[str, Field(pattern=COMMAND_WORD)]
BotHelp = Annotated[str, Field(min_length=1, max_length=BOT_HELP_MAX), AfterValidator(one_line)]
BotArguments = Annotated[str, Field(max_length=BOT_ARGUMENTS_MAX), AfterValidator(one_line)]


class BotCommand(Model):
    """A command that a bot offers.

    ``help``: one line about what it does. ``arguments``: how they are written, such as ``SERVICE [VERSION]``.
    ``role``: what who says it must be at least.
    """

    name: BotName
    bot: BotName
    help: BotHelp
    arguments: BotArguments = ""
    role: Role = Role.OPERATOR


class BotCommandsRequest(Model):
    """Which commands do bots offer?"""


class BotCommandsReply(Model):
    """The commands of bots, by name."""

    commands: Annotated[tuple[BotCommand, ...], Field(max_length=BOT_COMMANDS_MAX)]


class BotCaller(Model):
    """Who said the command, as they were when they said it."""

    name: PersonName
    identity: Identity
    role: Role


class BotCall(Model):
    """A command to do.

    ``id``: follows from the message, and is the same whenever the call is repeated; a bot does what has an
    effect once for each. ``arguments``: the rest of the line.
    """

    version: Literal[1] = 1
    id: Identifier
    command: BotName
    arguments: str
    room: RoomName
    caller: BotCaller


class BotCard(Model):
    """A card that a bot answers with. Its key, source and time are the portal's."""

    kind: Literal[CardKind.ALERT, CardKind.DEPLOY] = CardKind.DEPLOY
    status: CardStatus = CardStatus.INFO
    title: Title
    text: CardText = ""
    fields: Annotated[tuple[CardField, ...], Field(max_length=FIELDS_MAX)] = ()
    actions: Annotated[tuple[CardAction, ...], Field(max_length=ACTIONS_MAX)] = ()
    severity: Severity | None = None
    link: Link | None = None


class BotAnswer(Model):
    """What a bot answers: a text with the markup of messages, or a card.

    Raises:
        ValueError: it has neither, or both.
    """

    text: Text | None = None
    card: BotCard | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.text is None) == (self.card is None):
            raise ValueError("must have a text or a card, and not both")
        return self


RESERVED_BOT_NAMES: Final = SERVICE_NAMES | {OPSROOM.name}
"""Names of the portal and its services, which no bot can have."""
BOT_ANSWER = contract_of(BotAnswer)


def bot_subject(bot: str, command: str) -> str:
    """Return the subject of the endpoint of a bot's command."""
    return f"bots.{bot}.{command}"


def bot_author(bot: str) -> User:
    """Return the author of a bot's answers: ``nats`` keeps its id apart from those of members."""
    return User(id=f"{BOT_ID_PREFIX}nats-{bot}", name=bot)
