"""Who is on duty: exactly one person at each instant, also when clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_contracts.incidents.on_call import Override, Rota
from opsroom_incidents.domain.on_call import (
    ZoneError,
    anchor_of,
    duty_at,
    handover,
    kept_anchor,
    week_at,
)

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
)
PEOPLE = ("ann", "bob", "eve", "joe")
FIRST = datetime(2009, 1, 1)  # noqa: DTZ001 - the strategy adds the zone, here and below
LAST = datetime(2030, 1, 1)  # noqa: DTZ001
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


@st.composite
def overrides(draw: st.DrawFn) -> Override:
    start = draw(MOMENTS)
    length = draw(st.timedeltas(timedelta(minutes=1), timedelta(days=400)))
    return override(draw(st.sampled_from(PEOPLE)), start, start + length)


def override(person: str, start: datetime, end: datetime) -> Override:
    return Override.model_validate({"person": person, "from": start, "to": end})


def rota(zone: str = "Europe/Berlin", clock: str = "09:00", weekday: int = 0, **more: object) -> Rota:
    fields = {"name": "Ops", "room": "ops", "people": PEOPLE, "minutes": 5, **more}
    return Rota.model_validate({**fields, "zone": zone, "time": clock, "weekday": weekday})


ROTAS = st.builds(
    rota,
    zone=st.sampled_from(ZONES),
    clock=st.times().map(lambda clock: f"{clock:%H:%M}"),
    weekday=st.integers(0, 6),
    people=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5).map(tuple),
    overrides=st.lists(overrides(), max_size=3).map(tuple),
)


@given(ROTAS, MOMENTS, MOMENTS)
def test_a_moment_belongs_to_exactly_one_week(of: Rota, made: datetime, moment: datetime) -> None:
    anchor = anchor_of(of, made)
    week = week_at(of, anchor, moment)
    assert handover(of, anchor, week) <= moment < handover(of, anchor, week + 1)


@given(ROTAS, MOMENTS, st.integers(-600, 600))
def test_handovers_ascend_at_their_weekday_and_time(of: Rota, made: datetime, week: int) -> None:
    anchor = anchor_of(of, made)
    begins, ends = handover(of, anchor, week), handover(of, anchor, week + 1)
    assert timedelta(days=5) < ends - begins < timedelta(days=9)
    assert week_at(of, anchor, begins) == week
    assert week_at(of, anchor, begins - timedelta(microseconds=1)) == week - 1
    assert (anchor + timedelta(weeks=week)).weekday() == of.weekday


@given(ROTAS, MOMENTS)
def test_the_first_person_has_the_week_in_which_a_rota_is_made(of: Rota, made: datetime) -> None:
    anchor = anchor_of(of, made)
    assert week_at(of, anchor, made) == 0
    assert duty_at(of.model_copy(update={"overrides": ()}), anchor, made).person == of.people[0]


@given(ROTAS, MOMENTS, MOMENTS, st.floats(0, 1, exclude_max=True))
def test_duty_changes_only_when_it_says(of: Rota, made: datetime, moment: datetime, part: float) -> None:
    anchor = anchor_of(of, made)
    duty = duty_at(of, anchor, moment)
    assert moment < duty.until
    between = moment + (duty.until - moment) * part
    if between < duty.until:
        assert duty_at(of, anchor, between) == duty


@given(ROTAS, MOMENTS, MOMENTS)
def test_the_last_override_counts_and_the_next_person_is_another(
    of: Rota, made: datetime, moment: datetime
) -> None:
    anchor = anchor_of(of, made)
    duty = duty_at(of, anchor, moment)
    expected = of.people[week_at(of, anchor, moment) % len(of.people)]
    for one in of.overrides:
        if one.start <= moment < one.end:
            expected = one.person
    assert duty.person == expected
    assert duty.following != duty.person
    assert (duty.following is None) == (set(of.people) <= {duty.person})


@pytest.mark.parametrize(
    ("clock", "day", "utc"),
    [
        ("09:00", date(2026, 3, 22), datetime(2026, 3, 22, 8, tzinfo=UTC)),
        ("09:00", date(2026, 3, 29), datetime(2026, 3, 29, 7, tzinfo=UTC)),
        ("02:30", date(2026, 3, 29), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # left out
        ("02:30", date(2026, 10, 25), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # occurs twice
    ],
)
def test_handovers_when_clocks_change(clock: str, day: date, utc: datetime) -> None:
    assert handover(rota(clock=clock, weekday=6), day, 0) == utc


def test_a_person_changes_at_the_handover() -> None:
    of, anchor, zone = rota(), date(2026, 11, 30), ZoneInfo("Europe/Berlin")
    begins = datetime(2026, 12, 7, 9, tzinfo=zone)
    assert duty_at(of, anchor, begins - timedelta(seconds=1)).person == "ann"
    assert duty_at(of, anchor, begins).person == "bob"


def test_a_handover_counts_though_clocks_go_back_to_the_day_before() -> None:
    of = rota(zone="America/St_Johns", clock="00:00", weekday=6)
    begins = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)  # a minute later, it is Saturday again
    assert handover(of, date(2010, 11, 7), 0) == begins
    assert week_at(of, date(2010, 11, 7), begins + timedelta(minutes=15)) == 0


def test_of_overrides_that_overlap_the_later_in_the_list_counts() -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    long = override("joe", start, start + timedelta(days=3))
    short = override("eve", start + timedelta(days=1), start + timedelta(days=2))
    of = rota(overrides=(long, short))
    days = [start + timedelta(days=day, hours=12) for day in range(-1, 4)]
    found = [duty_at(of, date(2026, 11, 30), day).person for day in days]
    assert found == ["ann", "joe", "eve", "joe", "ann"]


def test_a_change_of_people_or_weekday_counts_anew() -> None:
    before, anchor = rota(), date(2026, 11, 2)
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    assert kept_anchor(before, anchor, rota(minutes=9), now) == anchor
    assert kept_anchor(before, anchor, rota(people=("eve", "ann")), now) == date(2026, 11, 30)
    assert kept_anchor(before, anchor, rota(weekday=3), now) == date(2026, 11, 26)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ZoneError, match="Europe/Berlin"):
        anchor_of(rota(zone="Mars/Base"), datetime(2026, 12, 1, tzinfo=UTC))


def test_an_override_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="from must be before to"):
        override("ann", datetime(2026, 12, 2, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
