"""Identities, and stored models that have them since version 2."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from opsroom_contracts.audit import AUDIT_ENTRY, Requester, caller_identity
from opsroom_contracts.chat.moderation import RESTRICTION, RestrictionKind, RestrictionRecord
from opsroom_contracts.cloud.models import INSTANCE_EVENT
from opsroom_contracts.identity import (
    Grant,
    Identity,
    Role,
    anonymous_identity,
    granted_identity,
    identity_of,
)
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.serialization.model import Timestamp

IDENTITY: TypeAdapter[str] = TypeAdapter(Identity)
WHEN = "2026-11-29T12:00:00.000Z"


def grant(source: str) -> Grant:
    return Grant(role=Role.MEMBER, source=source)


def test_a_registration_has_the_identity_of_the_credential_behind_it() -> None:
    assert identity_of(grant("token:0a1b"), "u1") == identity_of(grant("token:0a1b"), "u2") == "token:0a1b"
    assert identity_of(None, "u1") == "user:u1"
    assert granted_identity(None) is None


@pytest.mark.parametrize("source", ["user:u1", "operator", "token:", "something else", "token:a b"])
def test_a_grant_of_no_known_credential_gives_no_identity(source: str) -> None:
    """Grants can be published by hand."""
    assert granted_identity(grant(source)) is None
    assert identity_of(grant(source), "u2") == "user:u2"


def test_an_anonymous_identity_does_not_contain_the_address() -> None:
    found = anonymous_identity("2001:db8::/64")
    assert found == anonymous_identity("2001:db8::/64") != anonymous_identity("203.0.113.7")
    assert "2001" not in found
    assert IDENTITY.validate_python(found) == found


@pytest.mark.parametrize("text", ["", "ann", "user:", "token:x\n", "open:x", "operators", "user:" + "x" * 65])
def test_other_text_is_no_identity(text: str) -> None:
    with pytest.raises(ValidationError):
        IDENTITY.validate_python(text)


def test_a_request_without_identity_and_address_is_the_brokers_operators() -> None:
    assert caller_identity(None, Requester().address) == "operator"
    assert caller_identity(None, "203.0.113.7") is None
    assert caller_identity("user:u1", None) == "user:u1"


def test_what_older_releases_stored_is_read_without_an_identity() -> None:
    event = {
        "instanceId": "i",
        "operationId": "o",
        "command": "create",
        "state": "stopped",
        "actor": "ann",
        "timestamp": WHEN,
    }
    entry = {"id": "e", "at": WHEN, "outcome": "accepted", "action": "create", "actor": "ann"}
    for version in ({"version": 1}, {}):
        read = INSTANCE_EVENT.read(json.dumps({**version, "type": "created", **event}).encode())
        assert (read.version, read.identity, read.actor) == (4, None, "ann")
        audited = AUDIT_ENTRY.read(json.dumps({**version, **entry}).encode())
        assert (audited.version, audited.identity, audited.actor) == (2, None, "ann")


def test_a_restriction_is_stored_as_older_releases_read_it_unless_it_covers_identities() -> None:
    at = TypeAdapter(Timestamp).validate_json(f'"{WHEN}"')
    record = RestrictionRecord(id="r", kind=RestrictionKind.MUTE, name="ann", by="ada", at=at)
    covering = record.model_copy(update={"identities": ("token:a",)})
    assert json.loads(encode(record.stored())) == {
        "version": 1,
        "id": "r",
        "kind": "mute",
        "name": "ann",
        "by": "ada",
        "at": WHEN,
        "lifted": False,
    }
    assert json.loads(encode(covering.stored()))["identities"] == ["token:a"]
    for one in (record, covering):
        assert RESTRICTION.read(encode(one.stored())) == one
        assert "identities" not in encode(one.shown()).decode()
