"""Rules of read positions. Pure."""

from collections.abc import Collection, Mapping

from opsroom_contracts.chat.reads import ReadPosition, ReadPositions
from opsroom_contracts.chat.rooms import Membership


def merged(positions: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Return the higher position of each room."""
    return {room: max(positions.get(room, 0), more.get(room, 0)) for room in {*positions, *more}}


def current(record: ReadPositions | None, epoch: str | None) -> Mapping[str, ReadPosition]:
    """Return the positions of a record; none if they belong to another life of the message stream."""
    return {} if record is None or record.epoch != epoch else record.rooms


def joined_at(membership: Membership, epoch: str | None) -> int | None:
    """Return the sequence at which somebody joined; None: it is of another life of the message stream."""
    return membership.seq if membership.epoch in {None, epoch} else None


def existing(positions: Mapping[str, ReadPosition], end: int) -> Mapping[str, ReadPosition]:
    """Return the positions of messages that can exist in a stream that ends at ``end``."""
    return {room: one for room, one in positions.items() if one.seq <= end}


def raised(positions: Mapping[str, ReadPosition], more: Mapping[str, int]) -> dict[str, int]:
    """Return those of ``more`` that are higher than before: what has to be stored."""
    return {room: seq for room, seq in more.items() if room not in positions or seq > positions[room].seq}


def stored(
    positions: Mapping[str, ReadPosition], more: Mapping[str, ReadPosition], rooms: Collection[str]
) -> dict[str, ReadPosition]:
    """Return all positions to store: those of ``rooms``, in which the person is now."""
    return {room: one for room, one in {**positions, **more}.items() if room in rooms}
