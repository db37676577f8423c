"""Cards: messages with a form, such as an alert, a deployment, or an operation on servers.

A card is a field of a chat message, and an update of it is an edit of that message. So history, replay,
search, export and erasure hold for cards as they do for text. The ``text`` of the message is
:func:`plain_text` of the card, for clients that show no cards.
"""

import json
import unicodedata
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID, uuid5

from pydantic import AfterValidator, Field, model_validator

from opsroom_contracts.serialization.model import Identifier, Model, Timestamp
from opsroom_contracts.text import clip

CARD_KEY_MAX: Final = 256
CARD_SOURCE_MAX: Final = 64
CARD_TITLE_MAX: Final = 200
CARD_TEXT_MAX: Final = 2000
FIELDS_MAX: Final = 20
FIELD_NAME_MAX: Final = 64
FIELD_VALUE_MAX: Final = 500
ACTIONS_MAX: Final = 5
LABEL_MAX: Final = 32
CARD_COMMAND_MAX: Final = 200
LINK_MAX: Final = 2000
CARD_INSTANCES_MAX: Final = 50
PLAIN_TEXT_MAX: Final = 4000
"""The maximum length of the text of a message with a card: that of every message."""

_NAMESPACE: Final = UUID("0d4f5b1c-52f3-4a56-9a2e-6c1f8f1c7a90")
_NO_TEXT: Final = frozenset({"Cc", "Cs"})
_NO_LINE: Final = _NO_TEXT | {"Zl", "Zp"}
_LINK_PATTERN: Final = r"^https?://[^\s/?#@\\<>\"]+([/?#][^\s<>\"\\]*)?$"
_COMMAND_PATTERN: Final = r"^/[^/\s][^\r\n]*$"


def one_line(value: str) -> str:
    """Return ``value``.

    Raises:
        ValueError: it is not one line, or has control characters.
    """
    if not value.isprintable() and any(unicodedata.category(char) in _NO_LINE for char in value):
        raise ValueError("must be one line without control characters")
    return value


def _lines(value: str) -> str:
    if not value.isprintable() and any(
        unicodedata.category(char) in _NO_TEXT and char not in "\n\t" for char in value
    ):
        raise ValueError("must not contain control characters, except for tabs and line feeds")
    return value


Link = Annotated[str, Field(max_length=LINK_MAX, pattern=_LINK_PATTERN)]
"""An address of the web, without a user name: ``https://example.com@other.example`` leads elsewhere."""
CardKey = Annotated[str, Field(min_length=1, max_length=CARD_KEY_MAX), AfterValidator(one_line)]
CardSource = Annotated[str, Field(min_length=1, max_length=CARD_SOURCE_MAX), AfterValidator(one_line)]
Title = Annotated[str, Field(min_length=1, max_length=CARD_TITLE_MAX), AfterValidator(one_line)]
CardText = Annotated[str, Field(max_length=CARD_TEXT_MAX), AfterValidator(_lines)]
FieldName = Annotated[str, Field(min_length=1, max_length=FIELD_NAME_MAX), AfterValidator(one_line)]
FieldValue = Annotated[str, Field(max_length=FIELD_VALUE_MAX), AfterValidator(_lines)]
Label = Annotated[str, Field(min_length=1, max_length=LABEL_MAX), AfterValidator(one_line)]
PersonName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(one_line)]
"""The name of a person, as it was shown."""
CommandText = Annotated[str, Field(max_length=CARD_COMMAND_MAX, pattern=_COMMAND_PATTERN)]
Generation = Annotated[int, Field(ge=0, le=2**31 - 1)]


class CardKind(StrEnum):
    """What a card is about."""

    ALERT = "alert"
    DEPLOY = "deploy"
    OPERATION = "operation"
    SERVERS = "servers"
    INCIDENT = "incident"


class CardStatus(StrEnum):
    """The status of what a card is about. ``info``: it has none, and it needs no attention."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    INFO = "info"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Severity(StrEnum):
    """How urgent an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class CardField(Model):
    """A name and a value. ``short``: it may stand beside another one."""

    name: FieldName
    value: FieldValue
    short: bool | None = None


class CardAction(Model):
    """A button: it says a command as the person who presses it (``command``), or opens a page (``url``).

    Raises:
        ValueError: it has neither, or both.
    """

    label: Label
    command: CommandText | None = None
    url: Link | None = None

    @model_validator(mode="after")
    def _has_one_effect(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("must have a command or a url, and not both")
        return self


class Card(Model):
    """A card, as it is stored with its message.

    ``key``: what it is about, unique in its source. A card with a key is updated in place. ``source``: who
    reports it, such as ``alertmanager``. ``text``: with the markup of messages. ``link``: where to read more.
    ``instances``, ``operation``: the servers and the operation that it is about; a client that sees servers
    shows their current state.

    ``generation``: how often what it is about has started again. Each generation is a message at the end of
    the room; the ones before stay as they ended. ``changed_at``: when its source last changed it. Within a
    generation, an older card never replaces a newer one. ``acknowledged_by``: who has acknowledged it.
    """

    kind: CardKind
    key: CardKey | None = None
    source: CardSource
    status: CardStatus
    title: Title
    text: CardText = ""
    fields: Annotated[tuple[CardField, ...], Field(max_length=FIELDS_MAX)] = ()
    actions: Annotated[tuple[CardAction, ...], Field(max_length=ACTIONS_MAX)] = ()
    severity: Severity | None = None
    link: Link | None = None
    instances: Annotated[tuple[Identifier, ...], Field(max_length=CARD_INSTANCES_MAX)] | None = None
    operation: Identifier | None = None
    generation: Generation = 0
    changed_at: Timestamp
    acknowledged_by: PersonName | None = None


def plain_text(card: Card) -> str:
    """Return the card as the text of a message: 1 to :data:`PLAIN_TEXT_MAX` characters, with our markup."""
    title = f"[{card.status.value}] {card.title}"
    lines = [title, *([card.text] if card.text else ())]
    lines += [f"{field.name}: {field.value}" for field in card.fields]
    if card.acknowledged_by is not None:
        lines.append(f"Acknowledged by {card.acknowledged_by}.")
    if card.link is not None:
        lines.append(card.link)
    return clip("\n".join(lines), PLAIN_TEXT_MAX)


def card_message_id(room: str, source: str, key: str, generation: int) -> str:
    """Return the id of the message with this card. Each generation is a message in its place in the room."""
    return uuid5(_NAMESPACE, json.dumps([room, source, key, generation])).hex
