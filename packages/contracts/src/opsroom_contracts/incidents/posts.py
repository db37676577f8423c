"""Requests of the incidents service to the chat service, which stores what it has to say."""

from opsroom_contracts.chat.models import User
from opsroom_contracts.incidents.cards import Card
from opsroom_contracts.serialization.model import ClientId, Identifier, Model, RoomName


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
