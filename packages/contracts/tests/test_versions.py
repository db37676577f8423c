"""Stored payloads of every version: lifted, read, or refused, and never taken for what they are not."""

import json
from typing import Literal

import pytest

from opsroom_contracts.codec import MAX_PAYLOAD_BYTES, ContractError, PayloadTooLargeError
from opsroom_contracts.model import Model
from opsroom_contracts.versions import NewerVersionError, PreviousVersion, StoredContract, StoredUnion


class First(Model):
    """A made-up shape."""

    version: Literal[1] = 1
    name: str


class Second(Model):
    """The same, with the name in two."""

    version: Literal[2] = 2
    given: str
    family: str


class Third(Model):
    """Today's."""

    version: Literal[3]
    names: tuple[str, ...]


def split(old: First) -> Second:
    given, _, family = old.name.partition(" ")
    return Second(given=given, family=family)


def gathered(old: Second) -> Third:
    return Third(version=3, names=(old.given, old.family))


CONTRACT = StoredContract(Third, {1: PreviousVersion(First, split), 2: PreviousVersion(Second, gathered)})


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
    ids=["today's", "the last one's", "the first one's", "one that names no version"],
)
def test_every_version_reads_as_todays(payload: object) -> None:
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
def test_what_fits_its_version_not_is_refused_by_the_field(payload: object, field: str) -> None:
    with pytest.raises(ContractError) as refused:
        read(payload)
    assert not isinstance(refused.value, NewerVersionError)
    assert refused.value.field == field


def test_what_is_newer_is_refused_as_that_though_it_would_fit() -> None:
    with pytest.raises(NewerVersionError, match="version: is 4, of a newer release; this one reads up to 3"):
        read({"version": 4, "names": ["Ann", "Lee"]})


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"[" * 5000, b"\xff", b"{", b'{"version":1e999}'])
def test_what_is_no_payload_at_all_is_refused(payload: bytes) -> None:
    with pytest.raises(ContractError) as refused:
        CONTRACT.read(payload)
    assert not isinstance(refused.value, NewerVersionError)


def test_an_oversized_payload_is_refused_unread() -> None:
    with pytest.raises(PayloadTooLargeError):
        CONTRACT.read(b'{"version":4}' + b" " * MAX_PAYLOAD_BYTES)


class Sent(Model):
    """A made-up event, of version 1."""

    version: Literal[1] = 1
    type: Literal["sent"] = "sent"
    text: str


class Edited(Model):
    """Another one, which is at version 2 already."""

    version: Literal[2] = 2
    type: Literal["edited"] = "edited"
    texts: tuple[str, ...]


class EditedBefore(Model):
    """Its first version."""

    version: Literal[1] = 1
    type: Literal["edited"] = "edited"
    text: str


def upgraded(old: EditedBefore) -> Edited:
    return Edited(texts=(old.text,))


UNION: StoredUnion[Sent | Edited] = StoredUnion(
    {
        "sent": StoredContract(Sent),
        "edited": StoredContract(Edited, {1: PreviousVersion(EditedBefore, upgraded)}),
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
def test_each_type_has_versions_of_its_own(payload: object, event: Sent | Edited) -> None:
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
def test_a_payload_that_no_type_reads_is_refused_by_its_field(
    payload: object, field: str, newer: bool
) -> None:
    with pytest.raises(ContractError) as refused:
        UNION.read(json.dumps(payload).encode())
    assert (refused.value.field, isinstance(refused.value, NewerVersionError)) == (field, newer)
