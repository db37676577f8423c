"""Times that repeat: the five fields of cron, in a time zone. Pure.

The fields are minute, hour, day of the month, month and day of the week (0 and 7: Sunday). A field is ``*``,
a number, a range ``1-5``, a list ``1,15``, and each with a step, ``*/10``; months and days have their English
names, too. As in every cron, a day matches if the day of the month *or* the day of the week does, when both
are restricted.

When the clocks change:

- A time that is skipped in spring runs at the moment at which the clock jumps, once.
- A time that comes twice in autumn runs the first time. If the hour is ``*``, it runs both times, so that
  ``*/10 * * * *`` runs every ten minutes.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

FIELDS: Final = 5
_YEARS_MAX: Final = 8
"""So far ahead a next time is looked for: it may be a 29th of February on a certain day of the week, at most
eight years apart around a century."""
_MONTHS: Final = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS: Final = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_MINUTE: Final = timedelta(minutes=1)
_SHIFT_MAX: Final = timedelta(hours=26)
"""No clock has ever changed by more."""


class CronError(ValueError):
    """A text is no cron expression; the message names the field."""


@dataclass(frozen=True, slots=True)
class _Range:
    """The numbers that a field may have, and their names."""

    name: str
    low: int
    high: int
    names: dict[str, int]


_RANGES: Final = (
    _Range("minute", 0, 59, {}),
    _Range("hour", 0, 23, {}),
    _Range("day of the month", 1, 31, {}),
    _Range("month", 1, 12, _MONTHS),
    _Range("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression. ``any_hour``, ``any_day``, ``any_weekday``: whether the field is ``*``."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_hour: bool
    any_day: bool
    any_weekday: bool

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first time after ``moment``, in UTC; None: there is none within eight years."""
        # Candidates of a day may lie in the next or previous UTC day, and a skipped time at its end.
        begin = (moment - _SHIFT_MAX).astimezone(zone).date()
        for day in self._matching_days(begin):
            found = [one for one in self._times_of(day, zone) if one > moment]
            if found:
                following = (
                    self._times_of(day + timedelta(days=1), zone)
                    if self._matches(day + timedelta(days=1))
                    else []
                )
                return min([*found, *(one for one in following if one > moment)])
        return None

    def _matching_days(self, begin: date) -> Iterator[date]:
        for number in range(_YEARS_MAX * 366):
            day = begin + timedelta(days=number)
            if self._matches(day):
                yield day

    def _matches(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def _times_of(self, day: date, zone: ZoneInfo) -> list[datetime]:
        """Return the times of a local day, in UTC, ascending and each once."""
        found: set[datetime] = set()
        for hour in self.hours:
            for minute in self.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                found.update(self._moments(local))
        return sorted(found)

    def _moments(self, local: datetime) -> list[datetime]:
        """Return when the clock shows ``local``: once, twice, or at the jump if it skips that."""
        first = local.replace(fold=0).astimezone(UTC)
        second = local.replace(fold=1).astimezone(UTC)
        if first == second:
            return [first]
        if first > second:  # it is skipped: the moment of the jump lies between the two readings
            return [_jump(second, first, local)]
        return [first, second] if self.any_hour else [first]


def _jump(low: datetime, high: datetime, local: datetime) -> datetime:
    """Return the first minute between two moments at which the clock shows a later time than ``local``."""
    zone, wall = local.tzinfo, local.replace(tzinfo=None)
    while high - low > _MINUTE:
        middle = low + (high - low) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle.astimezone(zone).replace(tzinfo=None) > wall:
            high = middle
        else:
            low = middle
    return high


def read_cron(text: str) -> Cron:
    """Read a cron expression.

    Raises:
        CronError: it is none.
    """
    words = text.split()
    if len(words) != FIELDS:
        raise CronError(f"must have five fields, as in '0 19 * * mon-fri', not {len(words)}")
    minutes, hours, days, months, weekdays = (
        _numbers(word, about) for word, about in zip(words, _RANGES, strict=True)
    )
    return Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(number % 7 for number in weekdays),
        any_hour=words[1].startswith("*"),
        any_day=words[2].startswith("*"),
        any_weekday=words[4].startswith("*"),
    )


def _numbers(word: str, about: _Range) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, about, names=False) if slash else 1
        if step < 1:
            raise CronError(f"{about.name}: a step must be 1 or more, not {step_text!r}")
        low, high = _span(span, about, open_end=bool(slash))
        found.update(range(low, high + 1, step))
    return frozenset(found)


def _span(text: str, about: _Range, *, open_end: bool) -> tuple[int, int]:
    if text == "*":
        return about.low, about.high
    first, dash, last = text.partition("-")
    low = _number(first, about)
    high = _number(last, about) if dash else about.high if open_end else low
    if not about.low <= low <= high <= about.high:
        raise CronError(f"{about.name}: must be from {about.low} to {about.high}, ascending, not {text!r}")
    return low, high


def _number(text: str, about: _Range, *, names: bool = True) -> int:
    known = about.names.get(text.lower()) if names else None
    if known is not None:
        return known
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise CronError(f"{about.name}: {text!r} is no number")
    return int(text)
