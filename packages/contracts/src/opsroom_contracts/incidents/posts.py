"""Requests of the incidents service to the chat service, which stores what it has to say."""

from typing import Final

from opsroom_contracts.chat.models import Text, User
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
    """Store the reply to a command: one message for each ``idempotency_key`` of ``author``.

    ``author``: a bot, which needs no record of a member. ``thread``: the one in which the command was said.
    ``card``: what clients that know cards show in place of ``text``. It is never updated. The id of the
    message is the same with it and without it.
    """

    room: RoomName
    author: User
    text: Text
    idempotency_key: ClientId
    thread: Identifier | None = None
    card: Card | None = None
