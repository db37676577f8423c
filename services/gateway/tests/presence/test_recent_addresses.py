"""Recent addresses: kept for a day, and bounded in number."""

from datetime import UTC, datetime, timedelta

from opsroom_gateway.presence.recent_addresses import RecentAddresses

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_last_use_of_each_address_is_remembered_for_a_day() -> None:
    recent = RecentAddresses()
    recent.record("ann", "203.0.113.1", NOON)
    recent.record("ann", "203.0.113.2", NOON + HOUR)
    recent.record("bob", "203.0.113.3", NOON + HOUR)
    recent.record("ann", "203.0.113.1", NOON + 2 * HOUR)
    assert recent.find("ann", NOON + 3 * HOUR) == {
        "203.0.113.1": NOON + 2 * HOUR,
        "203.0.113.2": NOON + HOUR,
    }
    assert recent.find("ann", NOON + 25.5 * HOUR) == {"203.0.113.1": NOON + 2 * HOUR}
    assert recent.find("ann", NOON + 27 * HOUR) == {}
    assert recent.find("nobody", NOON) == {}


def test_old_and_excess_entries_are_dropped() -> None:
    recent = RecentAddresses()
    for n in range(20_010):
        recent.record(f"p{n}", "203.0.113.1", NOON)
    assert len(recent) == 20_000
    assert recent.find("p9", NOON) == {}
    assert recent.find("p10", NOON) != {}
    recent.record("late", "203.0.113.1", NOON + 25 * HOUR)
    assert len(recent) == 1
