"""Timestamps, identifiers and room names."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from opsroom_contracts import subjects
from opsroom_contracts.codec import ContractError, decode
from opsroom_contracts.model import Identifier, Model, RoomName, Timestamp, rfc3339, to_milliseconds


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


def test_a_timestamp_of_the_first_centuries_has_four_digits_of_year() -> None:
    assert rfc3339(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00.000Z"


def test_a_timestamp_is_cut_not_rounded() -> None:
    moment = datetime(2026, 11, 23, 23, 4, 5, 678_999, tzinfo=UTC)
    assert rfc3339(moment) == "2026-11-23T23:04:05.678Z"
    assert rfc3339(moment.astimezone(timezone(timedelta(hours=5)))) == "2026-11-23T23:04:05.678Z"


def test_a_timestamp_without_a_zone_is_refused() -> None:
    with pytest.raises(ContractError, match="at: must name its time zone"):
        decode(MOMENT, '{"at":"2026-11-23T23:04:05.678"}')


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"])
def test_a_timestamp_out_of_range_is_refused(at: str) -> None:
    with pytest.raises(ContractError, match="at: is out of range"):
        decode(MOMENT, f'{{"at":"{at}"}}')


@pytest.mark.parametrize("at", ["1700000000", "true", "1.5", '"2026-11-23"', '"soon"'])
def test_what_is_no_timestamp_is_refused(at: str) -> None:
    with pytest.raises(ContractError) as refused:
        decode(MOMENT, f'{{"at":{at}}}')
    assert refused.value.field == "at"


@given(st.text(st.characters(codec="utf-8"), max_size=70))
def test_whatever_passes_as_an_id_or_a_room_is_one_token_of_a_subject(text: str) -> None:
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
def test_hostile_ids_and_rooms_are_refused(text: str) -> None:
    for field in ("id", "room"):
        with pytest.raises(ValueError, match=field):
            Ids(**{field: text})


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_every_subject_made_of_an_id_has_as_many_tokens_as_it_should(token: str) -> None:
    made = {
        subjects.message_subject("general", token): 4,
        subjects.member_subject(token): 3,
        subjects.name_subject(token): 3,
        subjects.typing_subject(token): 3,
        subjects.instance_events(token): 3,
        subjects.instance_timer(token): 3,
        subjects.instance_due(token): 3,
        subjects.operation_record(token): 3,
    }
    for subject, tokens in made.items():
        assert len(subject.split(".")) == tokens
        assert not set(subject) & set("*> \t\r\n")


def test_every_stored_subject_lies_in_a_stream() -> None:
    streams = {
        subjects.CHAT_EVENTS: subjects.message_subject("general", "m"),
        subjects.MEMBERS: subjects.member_subject("u"),
        subjects.NAMES: subjects.name_subject("n"),
        subjects.TYPING: subjects.typing_subject("general"),
        subjects.CLOUD_EVENTS: subjects.instance_events("i"),
        subjects.CLOUD_TIMERS: subjects.instance_timer("i"),
        subjects.CLOUD_DUE: subjects.instance_due("i"),
        subjects.CLOUD_OPERATIONS: subjects.operation_record("o"),
    }
    for pattern, subject in streams.items():
        assert subject.startswith(pattern.rstrip("*>"))
    assert subjects.message_subject("general", "m").startswith(subjects.room_events("general").rstrip(">"))
