"""From where people were connected: for a day, and no more of them than there is room for."""

from datetime import UTC, datetime, timedelta

from opsroom_gateway.presence.recent_addresses import RecentAddresses

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_last_use_of_each_address_is_remembered_for_a_day() -> None:
    sightings = RecentAddresses()
    sightings.left("ann", "203.0.113.1", NOON)
    sightings.left("ann", "203.0.113.2", NOON + HOUR)
    sightings.left("bob", "203.0.113.3", NOON + HOUR)
    sightings.left("ann", "203.0.113.1", NOON + 2 * HOUR)
    assert sightings.of("ann", NOON + 3 * HOUR) == {
        "203.0.113.1": NOON + 2 * HOUR,
        "203.0.113.2": NOON + HOUR,
    }
    assert sightings.of("ann", NOON + 25.5 * HOUR) == {"203.0.113.1": NOON + 2 * HOUR}
    assert sightings.of("ann", NOON + 27 * HOUR) == {}
    assert sightings.of("nobody", NOON) == {}


def test_old_and_excess_entries_are_dropped() -> None:
    sightings = RecentAddresses()
    for n in range(20_010):
        sightings.left(f"p{n}", "203.0.113.1", NOON)
    assert len(sightings) == 20_000
    assert sightings.of("p9", NOON) == {}
    assert sightings.of("p10", NOON) != {}
    sightings.left("late", "203.0.113.1", NOON + 25 * HOUR)
    assert len(sightings) == 1
