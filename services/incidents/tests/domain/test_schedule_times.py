"""When a schedule that is said in the chat runs."""

from datetime import UTC, datetime

import pytest

from opsroom_contracts.cloud.commands import Command
from opsroom_contracts.incidents.commands import ScheduleCommand, Targets
from opsroom_incidents.domain.schedule_times import TimeError, time_of

SAID = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)


def said(at: str | None, zone: str | None = None, cron: str | None = None) -> ScheduleCommand:
    """Return a command for a time."""
    return ScheduleCommand(Command.STOP, Targets(("web-1",)), at=at, cron=cron, zone=zone)


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("19:00", None, "2026-11-30T19:00"),
        ("18:30", None, "2026-12-01T18:30"),
        ("18:00:30", None, "2026-12-01T18:00:30"),
        ("19:00", "Europe/Berlin", "2026-12-01T18:00"),
        ("19:45", "Europe/Berlin", "2026-11-30T18:45"),
        ("20:00+01:00", None, "2026-11-30T19:00"),
        ("19:00Z", None, "2026-11-30T19:00"),
        ("2027-07-01T19:00", "Europe/Berlin", "2027-07-01T17:00"),
        ("2027-07-01T19:00+02:00", None, "2027-07-01T17:00"),
    ],
)
def test_a_time_is_the_next_one_after_it_was_said(at: str, zone: str | None, expected: str) -> None:
    assert time_of(said(at, zone), SAID) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_what_repeats_has_no_single_time() -> None:
    assert time_of(said(None, "Europe/Berlin", "0 19 * * *"), SAID) is None


@pytest.mark.parametrize(
    ("at", "zone"),
    [
        ("19:00", "Nowhere/Town"),
        ("19:00Z", "Europe/Berlin"),
        ("2026-02-30T19:00", None),
        ("19:00+99:00", None),
        ("soon", None),
    ],
)
def test_what_is_no_time_is_refused(at: str, zone: str | None) -> None:
    with pytest.raises(TimeError):
        time_of(said(at, zone), SAID)
