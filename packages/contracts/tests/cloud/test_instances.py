"""Names and labels of servers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from opsroom_contracts.cloud.instances import (
    LABELS_MAX,
    LabelKey,
    Labels,
    LabelValue,
    ServerName,
    default_name,
    free_name,
    is_uuid,
    merge_labels,
)
from opsroom_contracts.cloud.requests import InstanceRequest
from opsroom_contracts.subjects import server_name_subject

NAME: TypeAdapter[str] = TypeAdapter(ServerName)
KEY: TypeAdapter[str] = TypeAdapter(LabelKey)
VALUE: TypeAdapter[str] = TypeAdapter(LabelValue)
LABELS: TypeAdapter[dict[str, str]] = TypeAdapter(Labels)
A_UUID = "9f0c0f4e-6f3a-4c39-9d4b-0d6f3c1e7b52"
KEYS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
VALUES = st.text("xyz", max_size=3)


def is_name(text: str) -> bool:
    try:
        NAME.validate_python(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", ["a", "7", "web-1", "a" * 63, "a--b", "server-9f0c0f4e"])
def test_a_name_is_accepted_and_can_be_sent_in_place_of_an_id(name: str) -> None:
    assert NAME.validate_python(name) == name
    assert InstanceRequest(instance_id=name).instance_id == name
    assert len(server_name_subject(name).split(".")) == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 63 of"),
        ("a" * 64, "at most 63"),
        ("Web", "1 to 63 of"),
        ("-a", "hyphen at either end"),
        ("a-", "hyphen at either end"),
        ("a.b", "1 to 63 of"),
        ("a b", "1 to 63 of"),
        ("a\n", "1 to 63 of"),
        ("é", "1 to 63 of"),
        (A_UUID, "must not look like the id"),
    ],
)
def test_a_name_is_rejected_with_the_rule(name: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        NAME.validate_python(name)


@pytest.mark.parametrize("key", ["env", "team/env", "a.b_c-d", "k" * 63])
def test_a_label_key_is_accepted(key: str) -> None:
    assert KEY.validate_python(key) == key


@pytest.mark.parametrize("key", ["", "Env", "_a", "a_", "a=b", "a,b", "a\n", "k" * 64])
def test_a_label_key_is_rejected(key: str) -> None:
    with pytest.raises(ValidationError):
        KEY.validate_python(key)


@pytest.mark.parametrize("value", ["\n", "\x00", "v" * 64])
def test_a_label_value_is_rejected(value: str) -> None:
    with pytest.raises(ValidationError):
        VALUE.validate_python(value)


def test_the_number_of_labels_is_limited() -> None:
    labels = {f"k{number}": "" for number in range(LABELS_MAX)}
    assert LABELS.validate_python(labels) == labels
    with pytest.raises(ValidationError, match="at most 16"):
        LABELS.validate_python({**labels, "more": ""})


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True) | st.uuids().map(str))
def test_every_id_has_a_valid_default_name(instance_id: str) -> None:
    assert is_name(default_name(instance_id))
    assert is_name(free_name(instance_id, lambda _: False))
    assert (default_name(instance_id) == instance_id) == is_name(instance_id)


def test_a_longer_name_is_chosen_if_the_default_one_is_taken() -> None:
    taken: set[str] = set()
    for expected in ("server-9f0c0f4e", "server-9f0c0f4e6f3a", f"server-{UUID(A_UUID).hex}"):
        name = free_name(A_UUID, taken.__contains__)
        assert name == expected
        taken.add(name)


def test_a_uuid_has_hyphens_and_lower_case() -> None:
    assert is_uuid(A_UUID)
    assert not any(map(is_uuid, (A_UUID.upper(), A_UUID.replace("-", ""), "web", "")))


@given(
    st.dictionaries(KEYS, VALUES, max_size=LABELS_MAX),
    st.dictionaries(KEYS, VALUES | st.none(), max_size=2 * LABELS_MAX),
)
def test_changes_replace_add_and_remove_labels(
    labels: dict[str, str], changes: dict[str, str | None]
) -> None:
    wanted = dict(labels)
    for key, value in changes.items():
        wanted.pop(key, None)
        if value is not None:
            wanted[key] = value
    if len(wanted) > LABELS_MAX:
        with pytest.raises(ValueError, match=f"{len(wanted)} labels, and the limit is 16"):
            merge_labels(labels, changes)
        return
    merged = merge_labels(labels, changes)
    assert merged == wanted
    assert list(merged) == sorted(wanted)
