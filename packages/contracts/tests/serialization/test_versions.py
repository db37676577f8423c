"""Stored payloads of previous, current and newer versions."""

import json
from enum import StrEnum
from typing import Literal

import pytest

from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES, ContractError, PayloadTooLargeError
from opsroom_contracts.serialization.model import Model
from opsroom_contracts.serialization.versions import (
    NewerVersionError,
    PreviousVersion,
    StoredContract,
    StoredUnion,
)


class First(Model):
    """An invented first version."""

    version: Literal[1] = 1
    name: str


class Second(Model):
    """The second version splits the name."""

    version: Literal[2] = 2
    given: str
    family: str


class Third(Model):
    """The current version."""

    version: Literal[3]
    names: tuple[str, ...]


def upgrade_first(old: First) -> Second:
    given, _, family = old.name.partition(" ")
    return Second(given=given, family=family)


def upgrade_second(old: Second) -> Third:
    return Third(version=3, names=(old.given, old.family))


CONTRACT = StoredContract(
    Third, {1: PreviousVersion(First, upgrade_first), 2: PreviousVersion(Second, upgrade_second)}
)


def read(payload: object) -> Third:
    return CONTRACT.read(json.dumps(payload).encode())


@pytest.mark.parametrize(
    "payload",
    [
        {"version": 3, "names": ["Ann", "Lee"]},
        {"version": 2, "given": "Ann", "family": "Lee"},
        {"version": 1, "name": "Ann Lee"},
        {"name": "Ann Lee"},
    ],
    ids=["current version", "version 2", "version 1", "no version"],
)
def test_every_version_is_upgrade_edited_to_the_current_one(payload: object) -> None:
    assert read(payload) == Third(version=3, names=("Ann", "Lee"))


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"version": 3, "given": "Ann", "family": "Lee"}, "names"),
        ({"version": 2, "names": ["Ann"]}, "given"),
        ({"version": 1, "name": "Ann Lee", "more": 1}, "more"),
        ({"names": ["Ann"]}, "name"),
        ({"version": 0, "name": "Ann"}, "version"),
        ({"version": True, "names": []}, "version"),
        ({"version": "3", "names": []}, "version"),
    ],
)
def test_a_payload_that_does_not_fit_its_version_is_rejected_with_the_field(
    payload: object, field: str
) -> None:
    with pytest.raises(ContractError) as refused:
        read(payload)
    assert not isinstance(refused.value, NewerVersionError)
    assert refused.value.field == field


def test_a_newer_version_is_rejected_even_if_the_fields_fit() -> None:
    expected = "version: is 4, from a newer release; this release reads up to 3"
    with pytest.raises(NewerVersionError, match=expected):
        read({"version": 4, "names": ["Ann", "Lee"]})


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"[" * 5000, b"\xff", b"{", b'{"version":1e999}'])
def test_malformed_json_is_rejected(payload: bytes) -> None:
    with pytest.raises(ContractError) as refused:
        CONTRACT.read(payload)
    assert not isinstance(refused.value, NewerVersionError)


def test_an_oversized_payload_is_rejected() -> None:
    with pytest.raises(PayloadTooLargeError):
        CONTRACT.read(b'{"version":4}' + b" " * MAX_PAYLOAD_BYTES)


class Sent(Model):
    """An invented event at version 1."""

    version: Literal[1] = 1
    type: Literal["sent"] = "sent"
    text: str


class Edited(Model):
    """Another event, at version 2."""

    version: Literal[2] = 2
    type: Literal["edited"] = "edited"
    texts: tuple[str, ...]


class EditedBefore(Model):
    """The first version of ``Edited``."""

    version: Literal[1] = 1
    type: Literal["edited"] = "edited"
    text: str


def upgrade_edited(old: EditedBefore) -> Edited:
    return Edited(texts=(old.text,))


UNION: StoredUnion[Sent | Edited] = StoredUnion(
    {
        "sent": StoredContract(Sent),
        "edited": StoredContract(Edited, {1: PreviousVersion(EditedBefore, upgrade_edited)}),
    }
)


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        ({"version": 1, "type": "sent", "text": "a"}, Sent(text="a")),
        ({"text": "a"}, Sent(text="a")),
        ({"version": 2, "type": "edited", "texts": ["a", "b"]}, Edited(texts=("a", "b"))),
        ({"version": 1, "type": "edited", "text": "a"}, Edited(texts=("a",))),
    ],
)
def test_each_type_has_its_own_versions(payload: object, event: Sent | Edited) -> None:
    assert UNION.read(json.dumps(payload).encode()) == event


@pytest.mark.parametrize(
    ("payload", "field", "newer"),
    [
        ({"version": 2, "type": "sent", "text": "a"}, "version", True),
        ({"version": 3, "type": "edited", "texts": []}, "version", True),
        ({"version": 1, "type": "pinned", "text": "a"}, "type", True),
        ({"version": 2, "type": "edited", "texts": "a"}, "texts", False),
        ({"version": 1, "type": "sent"}, "text", False),
        ({"version": 1, "type": 7, "text": "a"}, "type", False),
        ({"version": 1, "type": "p" * 65, "text": "a"}, "type", False),
    ],
)
def test_the_error_for_an_unreadable_payload_of_a_union_names_the_field(
    payload: object, field: str, newer: bool
) -> None:
    with pytest.raises(ContractError) as refused:
        UNION.read(json.dumps(payload).encode())
    assert (refused.value.field, isinstance(refused.value, NewerVersionError)) == (field, newer)


class Color(StrEnum):
    """An invented enumeration."""

    RED = "red"


class Painted(Model):
    """An invented payload with an enumeration."""

    version: Literal[1] = 1
    color: Color
    old_color: Color | None = None
    name: str


PAINTED = StoredContract(Painted)


@pytest.mark.parametrize("field", ["color", "oldColor"])
def test_an_unknown_member_of_an_enumeration_is_of_a_newer_release(field: str) -> None:
    payload = {"color": "red", "oldColor": "red", "name": "door", field: "mauve"}
    with pytest.raises(NewerVersionError, match=f"{field}: 'mauve' is unknown to this release"):
        PAINTED.read(json.dumps(payload).encode())


@pytest.mark.parametrize(
    "payload",
    [
        {"color": "mauve"},
        {"color": 7, "name": "door"},
        {"color": "mauve" * 20, "name": "door"},
        {"color": "red", "name": 7},
        [],
    ],
)
def test_a_payload_that_would_not_fit_with_known_members_either_is_malformed(payload: object) -> None:
    with pytest.raises(ContractError) as error:
        PAINTED.read(json.dumps(payload).encode())
    assert not isinstance(error.value, NewerVersionError)
