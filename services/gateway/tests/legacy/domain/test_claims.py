"""The names and ids that a frame claims."""

import json

import pytest

from opsroom_contracts.text import names_alike
from opsroom_gateway.legacy.domain.claims import claims_in


@pytest.mark.parametrize(
    "frame",
    [
        {"name": "Bob"},
        {"Nick_Name": "bob"},
        {"user": "b\u200bob"},
        {"user": {"name": ["bob"]}},
        {"user": ["x", ["bob"]]},
        {"name": ["bo", "b"]},
        {"message": {"text": "hi", "author": {"name": "\uff42ob"}}},
        {"user": {"name": {"name": " bob "}}},
        {"deep": [[{"more": [{"userName": "BOB"}]}]]},
    ],
)
def test_a_name_is_found_in_every_form(frame: object) -> None:
    for data in (json.dumps(frame), json.dumps(frame).encode()):
        assert any(names_alike("bob", text) for text in claims_in(data).texts)


@pytest.mark.parametrize(("value", "shown"), [(7, "7"), (7.0, "7"), (7.5, "7.5"), (True, "true")])
def test_a_name_that_is_not_a_string_counts_as_it_is_shown(value: object, shown: str) -> None:
    assert claims_in(json.dumps({"name": value})).texts == {shown}


def test_both_values_of_a_repeated_key_count() -> None:
    assert claims_in('{"name":"ann","name":"bob"}').texts == {"ann", "bob"}


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "send", "message": "bob", "text": "bob", "date": "bob"},
        {"type": "send", "user": {"name": ""}, "message": {"text": "bob", "time": "bob"}},
        {"type": "send", "name": None, "user": {}},
        "bob",
        ["bob"],
    ],
)
def test_what_no_client_shows_as_the_sender_is_not_a_claim(frame: object) -> None:
    claims = claims_in(json.dumps(frame))
    assert (claims.texts, claims.unclear) == (set(), False)


@pytest.mark.parametrize(
    "frame",
    [
        {"name": "b\u200bob"},
        {"name": "b\u043eb"},
        {"name": ["bob"]},
        {"name": "b" * 33},
        {"user": {"nick": "\u202ebob"}},
        {"id": "b\u200bob"},
    ],
)
def test_what_is_not_a_clean_name_is_unclear(frame: object) -> None:
    assert claims_in(json.dumps(frame)).unclear


@pytest.mark.parametrize(
    "frame",
    [
        {"user": {"id": "4958f40b-66f3-5909-accb-ac1143d7ea5f", "name": "\u0412\u0430\u0441\u044f"}},
        {"userId": 7, "date": "\u200b"},
        {"id": "any text, however long it may be, can be an id"},
    ],
)
def test_clean_names_and_ids_are_clear(frame: object) -> None:
    assert not claims_in(json.dumps(frame)).unclear


@pytest.mark.parametrize(
    "frame",
    [
        {"users": [{"name": f"n{n}"} for n in range(101)]},
        {"name": [f"n{n}" for n in range(101)]},
        {"name": "bob" + "\u200b" * 300},
        {"name": ["\u200b"] * 300 + ["bob"]},
        {"deep": [[]] * 5000},
    ],
)
def test_what_takes_too_long_to_compare_is_excessive(frame: object) -> None:
    assert claims_in(json.dumps(frame)).excessive


def test_long_texts_and_many_values_that_are_no_names_are_not_excessive() -> None:
    frame = {"id": "x" * 1000, "points": [{"x": n, "y": n} for n in range(1000)], "message": "\u200b" * 1000}
    claims = claims_in(json.dumps(frame))
    assert (claims.excessive, claims.texts) == (False, {"x" * 1000})


@pytest.mark.parametrize("data", [b"\xff", "{", "[" * 100_000, '{"name":' + "9" * 5000 + "}"])
def test_data_that_is_not_json_claims_nothing(data: str | bytes) -> None:
    assert claims_in(data).texts == set()
