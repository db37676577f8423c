"""Rules of notifications."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_chat.domain.notifying import (
    changed_levels,
    check_zone,
    is_quiet,
    level_of,
    needs_following,
    reason_for,
)
from opsroom_contracts.chat.models import Mentions
from opsroom_contracts.chat.notifications import (
    NotificationSettings,
    NotifyLevel,
    PushReason,
    QuietHours,
    RoomLevel,
)
from opsroom_contracts.errors import FaultError

ALL, MENTIONS, NOTHING = NotifyLevel.ALL, NotifyLevel.MENTIONS, NotifyLevel.NOTHING
clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
moments = st.integers(1_577_836_800, 1_893_456_000).map(lambda one: datetime.fromtimestamp(one, UTC))


def quiet(begin: str, end: str, zone: str = "UTC") -> QuietHours:
    return QuietHours(begin=begin, end=end, zone=zone)


@pytest.mark.parametrize(
    ("hours", "time", "expected"),
    [
        (quiet("22:00", "07:00"), "23:30", True),
        (quiet("22:00", "07:00"), "06:59", True),
        (quiet("22:00", "07:00"), "07:00", False),
        (quiet("09:00", "17:00"), "08:59", False),
        (quiet("09:00", "17:00"), "16:59", True),
        (quiet("22:00", "07:00", "Asia/Tokyo"), "13:00", True),
        (quiet("22:00", "07:00", "Asia/Tokyo"), "12:59", False),
        (quiet("12:00", "12:00"), "03:00", True),
    ],
)
def test_quiet_hours(hours: QuietHours, time: str, expected: bool) -> None:
    assert is_quiet(hours, datetime.fromisoformat(f"2026-01-15T{time}:00+00:00")) is expected


def test_quiet_hours_follow_the_clocks_when_they_change() -> None:
    hours = quiet("22:00", "07:00", "Europe/Berlin")
    winter, summer = (datetime(2026, month, 15, 5, 30, tzinfo=UTC) for month in (1, 7))
    assert (is_quiet(hours, winter), is_quiet(hours, summer)) == (True, False)


@given(clock_times, clock_times, moments)
def test_it_is_quiet_either_in_the_hours_or_in_the_others(begin: str, end: str, now: datetime) -> None:
    if begin != end:
        assert is_quiet(quiet(begin, end), now) is not is_quiet(quiet(end, begin), now)
    assert is_quiet(quiet(begin, end), now) is is_quiet(quiet(begin, end), now + timedelta(days=1))


def test_a_zone_must_exist() -> None:
    check_zone(quiet("22:00", "07:00", "Europe/Berlin"))
    for zone in ("Europe/Atlantis", "Nowhere", "A/B/C"):
        with pytest.raises(FaultError) as refused:
            check_zone(quiet("22:00", "07:00", zone))
        assert refused.value.fault.field == "quiet.zone"


@pytest.mark.parametrize(
    ("level", "room_level", "is_direct", "expected"),
    [
        (MENTIONS, None, False, MENTIONS),
        (MENTIONS, None, True, ALL),
        (ALL, None, False, ALL),
        (NOTHING, None, True, NOTHING),
        (NOTHING, ALL, False, ALL),
        (ALL, NOTHING, True, NOTHING),
        (ALL, MENTIONS, True, MENTIONS),
    ],
)
def test_levels(
    level: NotifyLevel, room_level: NotifyLevel | None, is_direct: bool, expected: NotifyLevel
) -> None:
    rooms = {} if room_level is None else {"r": room_level}
    assert level_of(NotificationSettings(level=level, rooms=rooms), "r", is_direct=is_direct) is expected


@pytest.mark.parametrize(
    ("level", "mentions", "is_direct", "expected"),
    [
        (ALL, None, False, PushReason.MESSAGE),
        (ALL, Mentions(users=("ann",)), False, PushReason.MENTION),
        (MENTIONS, None, False, None),
        (MENTIONS, Mentions(users=("bob",)), False, None),
        (MENTIONS, Mentions(everybody=True), False, PushReason.MENTION),
        (NOTHING, Mentions(users=("ann",)), False, None),
        (ALL, None, True, PushReason.DIRECT),
        (MENTIONS, None, True, None),
    ],
)
def test_reasons(
    level: NotifyLevel,
    mentions: Mentions | None,
    is_direct: bool,
    expected: PushReason | None,
) -> None:
    assert reason_for(level, mentions, "ann", is_direct=is_direct) is expected


@pytest.mark.parametrize(
    ("reason", "is_shown", "expected"),
    [
        (PushReason.MESSAGE, False, True),
        (PushReason.MESSAGE, True, False),
        (PushReason.MENTION, False, False),
        (PushReason.DIRECT, False, False),
    ],
)
def test_only_replies_that_mention_nobody_are_for_followers_alone(
    reason: PushReason, is_shown: bool, expected: bool
) -> None:
    assert needs_following(reason, is_shown=is_shown) is expected


def test_changes_of_levels() -> None:
    before = {"a": ALL, "b": NOTHING, "left": ALL}
    changes = {"a": RoomLevel.USUAL, "c": RoomLevel.MENTIONS}
    assert changed_levels(before, changes, {"a", "b", "c"}) == {"b": NOTHING, "c": MENTIONS}
