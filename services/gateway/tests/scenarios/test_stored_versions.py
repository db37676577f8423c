"""Events stored by other releases: older ones are upgraded, newer ones skipped."""

import json
from collections.abc import AsyncIterator
from typing import Literal

import httpx
import pytest
import pytest_asyncio

from opsroom_contracts.chat.events import MESSAGE_EVENT, MessageEvent
from opsroom_contracts.chat.models import Text, User
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import INSTANCE_EVENT, InstanceEvent
from opsroom_contracts.serialization.model import Identifier, Model, Timestamp
from opsroom_contracts.serialization.versions import PreviousVersion
from opsroom_contracts.subjects import instance_events, member_subject, message_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from services.gateway.tests.kit.api_clients import events, person
from services.gateway.tests.kit.portal import Address, Portal

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEWER = b'{"version":3,"new":"shape"}'
WHEN = "2020-01-01T00:00:00.000Z"


class OldMessage(Model):
    """A made-up former version."""

    version: Literal[0]
    id: Identifier
    words: Text
    at: Timestamp


class OldCreation(Model):
    """Another one."""

    version: Literal[0]
    server: Identifier
    at: Timestamp


def upgrade_message(old: OldMessage) -> MessageEvent:
    return MessageEvent(
        id=old.id, room="general", user=User(id="u0", name="Eve"), text=old.words, timestamp=old.at
    )


def upgrade_creation(old: OldCreation) -> InstanceEvent:
    return InstanceEvent(
        type=EventType.CREATED,
        instance_id=old.server,
        operation_id="birth",
        command=Command.CREATE,
        state=InstanceState.STOPPED,
        actor="ann",
        timestamp=old.at,
    )


@pytest_asyncio.fixture(loop_scope="module")
async def stream(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NatsConnection]:
    """A connection that publishes like an older and a newer release."""
    monkeypatch.setitem(MESSAGE_EVENT.previous, 0, PreviousVersion(OldMessage, upgrade_message))
    monkeypatch.setitem(INSTANCE_EVENT.previous, 0, PreviousVersion(OldCreation, upgrade_creation))
    broker = await connect(portal.url, name="other-release")
    yield broker
    await broker.close()


async def put(broker: NatsConnection, subject: str, payload: bytes | dict[str, object]) -> int:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return (await broker.jetstream.publish(subject, data)).seq


async def test_messages_of_older_releases_are_delivered_and_newer_ones_skipped(
    address: Address, stream: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    async with person(address) as reader:
        newer = await put(stream, message_subject("general", "m2"), NEWER)
        old: dict[str, object] = {"version": 0, "id": "m0", "words": "long ago", "at": WHEN}
        seq = await put(stream, message_subject("general", "m0"), old)
        live = await reader.receive("message")
        assert (live["seq"], live["user"]["name"], live["text"]) == (seq, "Eve", "long ago")
        assert f"at {newer}: version: is 3, from a newer release" in caplog.text
    async with person(address, since=newer - 1) as late:
        assert await late.receive("message") == live


async def test_events_of_older_releases_are_applied_and_newer_ones_skipped(
    address: Address, stream: NatsConnection, http: httpx.AsyncClient
) -> None:
    async with events(address) as followed:
        before = (await http.get("/api/v1/cloud/instances")).json()["instances"]
        await put(stream, instance_events("new-1"), NEWER)
        old: dict[str, object] = {"version": 0, "server": "old-1", "at": WHEN}
        await put(stream, instance_events("old-1"), old)
        event = await followed.until("created")
        assert event["instanceId"] == "old-1"
        listed = (await http.get("/api/v1/cloud/instances")).json()["instances"]
        assert listed == [*before, event["instance"]]
        assert (listed[-1]["id"], listed[-1]["state"], listed[-1]["timestamp"]) == ("old-1", "stopped", WHEN)


async def test_a_members_record_of_a_newer_release_is_not_listed(
    address: Address, stream: NatsConnection
) -> None:
    await put(stream, member_subject("newer"), NEWER)
    async with person(address, name="Bob") as bob:
        assert "newer" not in {user["id"] for user in bob.welcome["users"]}


async def test_unknown_fields_and_frames_of_a_newer_page_are_rejected(address: Address) -> None:
    """Otherwise a request would be executed in part and look successful."""
    async with person(address) as reader:
        newer = {"type": "send", "clientId": "c1", "room": "general", "text": "bye", "vanishAfter": 60}
        await reader.send(newer)
        refused = await reader.receive("error", "ack")
        assert (refused["type"], refused["code"], refused["field"]) == (
            "error",
            "invalid_request",
            "vanishAfter",
        )
        await reader.send({"type": "applaud", "to": 7})
        assert (await reader.receive("error"))["field"] == "type"
        assert (await reader.say("still here", "c1"))["duplicate"] is False
