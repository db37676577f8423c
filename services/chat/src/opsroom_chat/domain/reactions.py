"""Rules of reactions and pins: the event to store, or None if nothing has to change. Pure functions."""

from collections.abc import Collection
from datetime import datetime

from opsroom_contracts.chat.events import PinChanged, ReactionChanged
from opsroom_contracts.chat.models import (
    PINS_MAX,
    REACTIONS_MAX,
    PinRequest,
    Reactions,
    ReactRequest,
    User,
)
from opsroom_contracts.errors import ErrorCode, refuse
from opsroom_contracts.serialization.model import to_milliseconds

Place = tuple[int, int | None]
"""The place of the message, and the ``members_seq`` of the event."""


def changed_reaction(
    there: Collection[Reactions], request: ReactRequest, user: User, place: Place, now: datetime
) -> ReactionChanged | None:
    """Return the event of a reaction. ``there``: the message's reactions, as ``user`` sees them.

    Raises:
        FaultError: ``invalid_request``: the message has the maximum number of emoji already.
    """
    known = next((one for one in there if one.emoji == request.emoji), None)
    if request.on == (known is not None and known.me is True):
        return None
    if known is None and len(there) >= REACTIONS_MAX:
        message = f"emoji: this message has {REACTIONS_MAX} different ones, the maximum"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="emoji")
    before = 0 if known is None else known.count
    return ReactionChanged(
        message_id=request.id,
        room=request.room,
        message_seq=place[0],
        user=user,
        emoji=request.emoji,
        on=request.on,
        count=before + 1 if request.on else before - 1,
        timestamp=to_milliseconds(now),
        members_seq=place[1],
    )


def changed_pin(
    pinned: Collection[int], request: PinRequest, user: User, place: Place, now: datetime
) -> PinChanged | None:
    """Return the event of a pin. ``pinned``: the places of the messages that are pinned in the room.

    Raises:
        FaultError: ``invalid_request``: the room has the maximum number of pinned messages already.
    """
    if request.on == (place[0] in pinned):
        return None
    if request.on and len(pinned) >= PINS_MAX:
        message = f"this room has {PINS_MAX} pinned messages, the maximum: unpin one first"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="on")
    return PinChanged(
        message_id=request.id,
        room=request.room,
        message_seq=place[0],
        user=user,
        on=request.on,
        timestamp=to_milliseconds(now),
        members_seq=place[1],
    )
