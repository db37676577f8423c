"""Rules of cards: the message that has one, and the event that updates it. Pure functions."""

from datetime import datetime

from opsroom_chat.domain.changes import edit_key, place_of, sent_at
from opsroom_chat.domain.tokens import message_id
from opsroom_contracts.chat.events import MessageEdited, MessageEvent, MessageRemoved, MessageState
from opsroom_contracts.chat.models import EDIT_KEYS_MAX
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.incidents.cards import card_message_id, plain_text
from opsroom_contracts.incidents.posts import CardRequest
from opsroom_contracts.serialization.model import copy_fields, to_milliseconds


def message_id_of(request: CardRequest) -> str:
    """Return the id of the message with the requested card."""
    card = request.card
    if card.key is None:
        return message_id(request.author.id, request.idempotency_key)
    return card_message_id(request.room, card.source, card.key, card.generation)


def first(request: CardRequest, members_seq: int | None, now: datetime) -> MessageEvent:
    """Return the new message with a card. Its text mentions nobody: what it says comes from outside."""
    return MessageEvent(
        id=message_id_of(request),
        room=request.room,
        user=request.author,
        text=plain_text(request.card),
        timestamp=to_milliseconds(now),
        client_id=request.idempotency_key,
        members_seq=members_seq,
        thread=request.thread,
        card=request.card,
    )


def update(
    last: MessageState, seq: int, request: CardRequest, members_seq: int | None, now: datetime
) -> MessageEdited | None:
    """Return the message with the requested card; None if nothing has to change.

    A message that was removed stays removed. An older card, and a repeated request, change nothing.

    Raises:
        FaultError: ``forbidden``: the message has no card, or is of another author.
    """
    if isinstance(last, MessageRemoved):
        return None
    if last.card is None or last.user.id != request.author.id:
        raise refuse(ErrorCode.FORBIDDEN, "only the author of a card may update it", field="author")
    key = edit_key(request.idempotency_key)
    known = last.edit_keys if isinstance(last, MessageEdited) else ()
    if key in known or last.card == request.card or request.card.changed_at < last.card.changed_at:
        return None
    if isinstance(last, MessageEvent) and last.client_id == request.idempotency_key:
        return None
    return copy_fields(
        last,
        MessageEdited,
        text=plain_text(request.card),
        card=request.card,
        user=request.author,
        message_seq=place_of(last, seq),
        sent_at=sent_at(last),
        timestamp=to_milliseconds(now),
        replaced_seq=seq,
        edit_keys=(*known, key)[-EDIT_KEYS_MAX:],
        members_seq=members_seq,
    )
