"""Timestamps, identifiers and room names."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from opsroom_contracts.serialization.codec import ContractError, decode
from opsroom_contracts.serialization.model import (
    Identifier,
    Model,
    RoomName,
    Timestamp,
    rfc3339,
    to_milliseconds,
)


class Moment(Model):
    at: Timestamp


class Ids(Model):
    id: Identifier = "x"
    room: RoomName = "general"


MOMENT, IDS = TypeAdapter(Moment), TypeAdapter(Ids)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
AWARE = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=OFFSETS)  # noqa: DTZ001


@given(AWARE)
def test_a_timestamp_is_utc_with_milliseconds_and_z(moment: datetime) -> None:
    written = rfc3339(moment)
    assert len(written) == len("2026-11-23T23:04:05.678Z")
    assert written[19] == "."
    assert written.endswith("Z")
    read = datetime.fromisoformat(written)
    assert timedelta() <= moment - read < timedelta(milliseconds=1)
    assert decode(MOMENT, f'{{"at":"{written}"}}').at == read == to_milliseconds(moment)


def test_a_year_before_1000_is_padded_to_four_digits() -> None:
    assert rfc3339(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00.000Z"


def test_a_timestamp_is_truncated_not_rounded() -> None:
    moment = datetime(2026, 11, 23, 23, 4, 5, 678_999, tzinfo=UTC)
    assert rfc3339(moment) == "2026-11-23T23:04:05.678Z"
    assert rfc3339(moment.astimezone(timezone(timedelta(hours=5)))) == "2026-11-23T23:04:05.678Z"


def test_a_timestamp_without_a_time_zone_is_rejected() -> None:
    with pytest.raises(ContractError, match="at: must name its time zone"):
        decode(MOMENT, '{"at":"2026-11-23T23:04:05.678"}')


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"])
def test_a_timestamp_out_of_range_is_rejected(at: str) -> None:
    with pytest.raises(ContractError, match="at: is out of range"):
        decode(MOMENT, f'{{"at":"{at}"}}')


@pytest.mark.parametrize("at", ["1700000000", "true", "1.5", '"2026-11-23"', '"soon"'])
def test_a_value_that_is_not_a_timestamp_is_rejected(at: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(MOMENT, f'{{"at":{at}}}')
    assert refused.value.field == "at"


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_a_valid_id_or_room_is_one_token_of_a_subject(text: str) -> None:
    for field in ("id", "room"):
        try:
            Ids(**{field: text})
        except ValueError:
            continue
        assert text
        assert all(char.isascii() and (char.isalnum() or char in "-_") for char in text)


HOSTILE = [
    "",
    "a.b",
    "*",
    ">",
    "a b",
    "a\n",
    "\n",
    "a\t",
    "a\x00",
    "-a",
    "_a",
    "a/b",
    "$SYS",
    "é",
    "A" * 65,
    "٣",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_ids_and_rooms_are_rejected(text: str) -> None:
    for field in ("id", "room"):
        with pytest.raises(ValueError, match=field):
            Ids(**{field: text})
