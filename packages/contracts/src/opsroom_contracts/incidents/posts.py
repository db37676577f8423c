"""Requests of the incidents service to the chat service, which stores what it has to say."""

from typing import Annotated, Final

from pydantic import Field

from opsroom_contracts.chat.models import MENTIONED_MAX, Text, User
from opsroom_contracts.identity import BOT_ID_PREFIX
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.serialization.model import ClientId, Identifier, Model, RoomName

OPSROOM: Final = User(id=f"{BOT_ID_PREFIX}opsroom", name="opsroom")
"""The portal itself, as the author of replies to commands."""


class CardRequest(Model):
    """Store a card in a room, or replace the one with its source, key and generation.

    A card without a key is one message for each ``idempotency_key``. A repeated request changes nothing, and
    neither does a card that is older than the stored one, or one whose message was removed. ``author``: a
    bot, which needs no record of a member. ``thread``: the message that a new card replies to.
    """

    room: RoomName
    card: Card
    author: User
    idempotency_key: ClientId
    thread: Identifier | None = None


class ReplyRequest(Model):
    """Store what the portal says, such as the reply to a command: one message for each ``idempotency_key``.

    ``author``: a bot, which needs no record of a member, and has keys apart from others. ``thread``: the
    first message of the thread that it goes to. ``mentions``: ids of people in the room; nobody else is
    mentioned, whatever the text says. ``card``: what clients that know cards show in place of ``text``. It is
    never updated. The id of the message is the same with it and without it.
    """

    room: RoomName
    author: User
    text: Text
    idempotency_key: ClientId
    thread: Identifier | None = None
    card: Card | None = None
    mentions: Annotated[tuple[Identifier, ...], Field(max_length=MENTIONED_MAX)] = ()
