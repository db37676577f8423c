"""Times that repeat, also when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_cloud.domain.cron import Cron, CronError, read_cron

BERLIN = ZoneInfo("Europe/Berlin")
"""02:00 to 03:00 is skipped on 29 March 2026, and comes twice on 25 October."""
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
"""Its clocks change by half an hour."""
APIA = ZoneInfo("Pacific/Apia")
"""30 December 2011 was skipped as a whole."""


def times(text: str, zone: ZoneInfo, begin: datetime, count: int) -> list[str]:
    """The next times after ``begin``, as the clock there shows them."""
    cron, moment, found = read_cron(text), begin, list[str]()
    for _ in range(count):
        following = cron.after(moment, zone)
        assert following is not None
        assert following > moment
        moment = following
        found.append(moment.astimezone(zone).strftime("%m-%d %H:%M %Z"))
    return found


def at(*parts: int, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime(*parts, tzinfo=zone).astimezone(UTC)  # type: ignore[misc, arg-type]


def test_working_days_at_seven() -> None:
    friday = at(2026, 11, 27, 12)
    assert times("0 19 * * mon-fri", BERLIN, friday, 3) == [
        "11-27 19:00 CET",
        "11-30 19:00 CET",
        "12-01 19:00 CET",
    ]


def test_a_skipped_time_runs_once_when_the_clock_jumps() -> None:
    saturday = at(2026, 3, 28, 12)
    assert times("30 2 * * *", BERLIN, saturday, 2) == ["03-29 03:00 CEST", "03-30 02:30 CEST"]
    assert times("0,15,30 2,3 * * *", BERLIN, saturday, 4) == [
        "03-29 03:00 CEST",
        "03-29 03:15 CEST",
        "03-29 03:30 CEST",
        "03-30 02:00 CEST",
    ]


def test_a_time_that_comes_twice_runs_the_first_time() -> None:
    saturday = at(2026, 10, 24, 12)
    assert times("30 2 * * *", BERLIN, saturday, 2) == ["10-25 02:30 CEST", "10-26 02:30 CET"]


def test_every_ten_minutes_stay_ten_minutes_when_the_clocks_change() -> None:
    cron = read_cron("*/10 * * * *")
    for zone in (BERLIN, LORD_HOWE):
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        for start in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), moment):
            moment = start - timedelta(hours=2)
            for _ in range(30):
                following = cron.after(moment, zone)
                assert following is not None
                assert following - moment == timedelta(minutes=10)
                moment = following


def test_a_day_that_is_skipped_as_a_whole() -> None:
    before = at(2011, 12, 29, 13, zone=APIA)
    assert times("0 12 * * *", APIA, before, 2)[-1].startswith("12-31 12:00") or times(
        "0 12 * * *", APIA, before, 3
    )[-1].startswith(("12-31", "01-01"))


def test_a_day_of_the_month_or_of_the_week() -> None:
    begin = at(2026, 11, 1)
    assert times("0 0 13 * fri", BERLIN, begin, 3) == [
        "11-06 00:00 CET",
        "11-13 00:00 CET",
        "11-20 00:00 CET",
    ]
    assert times("0 0 29 feb *", BERLIN, begin, 1) == ["02-29 00:00 CET"]


def test_a_time_that_never_comes_has_no_next_one() -> None:
    assert read_cron("0 0 31 feb *").after(at(2026, 1, 1), BERLIN) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have five fields, as in '0 19 * * mon-fri', not 0"),
        ("0 19 * *", "must have five fields"),
        ("60 * * * *", "minute: must be from 0 to 59"),
        ("* 24 * * *", "hour: must be from 0 to 23"),
        ("* * 0 * *", "day of the month: must be from 1 to 31"),
        ("* * * foo *", "month: 'foo' is no number"),
        ("* * * * 8", "day of the week: must be from 0 to 7"),
        ("*/0 * * * *", "minute: a step must be 1 or more"),
        ("5-1 * * * *", "minute: must be from 0 to 59, ascending, not '5-1'"),
        ("1,,2 * * * *", "minute: '' is no number"),
        ("٣ * * * *", "minute: '٣' is no number"),
    ],
)
def test_an_error_names_the_field(text: str, message: str) -> None:
    with pytest.raises(CronError) as raised:
        read_cron(text)
    assert str(raised.value).startswith(message)


_FIELD = st.sampled_from(["*", "0", "5", "1-3", "*/7", "2,4", "1-9/2"])
_CRONS = st.tuples(
    _FIELD,
    _FIELD,
    st.sampled_from(["*", "1", "29", "31"]),
    st.just("*"),
    _FIELD.filter(lambda f: "9" not in f),
)
_MOMENTS = st.integers(0, 6 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def _matches(cron: Cron, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock shows a time of ``cron``, spelled independently."""
    local = moment.astimezone(zone)
    by_day, by_weekday = local.day in cron.days, local.isoweekday() % 7 in cron.weekdays
    day = (by_day and by_weekday) if cron.any_day or cron.any_weekday else (by_day or by_weekday)
    return local.minute in cron.minutes and local.hour in cron.hours and day and local.month in cron.months


@given(_CRONS, _MOMENTS, st.sampled_from([BERLIN, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("America/New_York")]))
def test_nothing_is_left_out_before_the_next_time(
    fields: tuple[str, ...], moment: datetime, zone: ZoneInfo
) -> None:
    cron = read_cron(" ".join(fields))
    following = cron.after(moment, zone)
    assert following is not None
    assert moment < following
    one = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while one < min(following, moment + timedelta(days=2)):
        if _matches(cron, one, zone):  # only the second time of an hour that comes twice is left out
            assert one.astimezone(zone).fold == 1
        one += timedelta(minutes=1)


@given(st.text(st.sampled_from("0123456789*/,- monfrijan٣"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        cron = read_cron(text)
    except CronError:
        return
    assert cron.minutes
    assert cron.hours
