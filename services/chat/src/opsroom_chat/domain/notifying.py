"""Rules of notifications: who is notified of a message, and when. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsroom_contracts.chat.models import Mentions
from opsroom_contracts.chat.notifications import (
    NotificationSettings,
    NotifyLevel,
    PushReason,
    QuietHours,
    RoomLevel,
)
from opsroom_contracts.errors import ErrorCode, refuse


def check_zone(quiet: QuietHours) -> None:
    """Check that the time zone exists.

    Raises:
        FaultError: ``invalid_request``.
    """
    try:
        ZoneInfo(quiet.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"quiet.zone: there is no time zone {quiet.zone!r}; write one like Europe/Berlin"
        raise refuse(ErrorCode.INVALID_REQUEST, message, field="quiet.zone") from None


def is_quiet(quiet: QuietHours | None, now: datetime) -> bool:
    """Whether ``now`` is in quiet hours, by the clocks of their time zone.

    A zone that this machine does not know is taken for UTC: an upgrade may have removed it.
    """
    if quiet is None:
        return False
    try:
        zone = ZoneInfo(quiet.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    begin, end = time.fromisoformat(quiet.begin), time.fromisoformat(quiet.end)
    clock = now.astimezone(zone).time()
    if begin < end:
        return begin <= clock < end
    return clock >= begin or clock < end


def level_of(settings: NotificationSettings, room: str, *, is_direct: bool) -> NotifyLevel:
    """Return what somebody is notified of in a room."""
    found = settings.rooms.get(room)
    if found is not None:
        return found
    if is_direct and settings.level is not NotifyLevel.NOTHING:
        return NotifyLevel.ALL
    return settings.level


def reason_for(
    level: NotifyLevel, mentions: Mentions | None, user_id: str, *, is_direct: bool
) -> PushReason | None:
    """Return why somebody is notified of a message of another person; None: they are not.

    A reply that only its thread shows is for those it mentions, and for those who follow the thread:
    :func:`needs_following`.
    """
    if level is NotifyLevel.NOTHING:
        return None
    if is_direct and (level is NotifyLevel.ALL or _is_mentioned(mentions, user_id)):
        return PushReason.DIRECT
    if _is_mentioned(mentions, user_id):
        return PushReason.MENTION
    return PushReason.MESSAGE if level is NotifyLevel.ALL else None


def needs_following(reason: PushReason, *, is_shown: bool) -> bool:
    """Whether a notification is for those alone who follow the thread. ``is_shown``: the room shows the
    message."""
    return reason is PushReason.MESSAGE and not is_shown


def changed_levels(
    before: Mapping[str, NotifyLevel], changes: Mapping[str, RoomLevel], rooms: Collection[str]
) -> dict[str, NotifyLevel]:
    """Return the levels after ``changes``, of ``rooms`` alone: those that the person is in."""
    kept = {room: level for room, level in before.items() if room in rooms and room not in changes}
    chosen = {
        room: NotifyLevel(level.value) for room, level in changes.items() if level is not RoomLevel.USUAL
    }
    return kept | chosen


def _is_mentioned(mentions: Mentions | None, user_id: str) -> bool:
    return mentions is not None and (bool(mentions.everybody) or user_id in mentions.users)
