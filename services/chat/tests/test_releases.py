"""Payloads stored by other releases: older ones are read, newer ones skipped and not overwritten."""

import json
from typing import Literal

import pytest

from opsroom_chat.domain.names import name_keys
from opsroom_chat.domain.tokens import message_id
from opsroom_contracts import endpoints
from opsroom_contracts.chat.events import MESSAGE_EVENT, MessageEvent
from opsroom_contracts.chat.models import Text, User
from opsroom_contracts.errors import ErrorCode
from opsroom_contracts.serialization.model import Identifier, Model, RoomName, Timestamp
from opsroom_contracts.serialization.versions import PreviousVersion
from opsroom_contracts.subjects import (
    CHAT_SERVICE,
    MEMBERS_STREAM,
    member_subject,
    message_subject,
    name_subject,
)
from opsroom_messaging.client.connection import NatsConnection
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.waiting import until_answer
from services.chat.tests.harness import Chat
from services.chat.tests.statistics import gauge

NEWER = b'{"version":3,"new":"shape"}'


class Saying(Model):
    """An invented previous version."""

    version: Literal[0]
    id: Identifier
    room: RoomName
    who: str
    words: Text
    at: Timestamp


def upgrade(old: Saying) -> MessageEvent:
    return MessageEvent(
        id=old.id, room=old.room, user=User(id="u0", name=old.who), text=old.words, timestamp=old.at
    )


async def test_a_message_of_an_older_release_is_read(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MESSAGE_EVENT.previous, 0, PreviousVersion(Saying, upgrade))
    old = {"version": 0, "id": "m0", "room": "general", "who": "Eve", "words": "long ago"}
    await chat.put(
        message_subject("general", "m0"), json.dumps(old | {"at": "2020-01-01T00:00:00Z"}).encode()
    )
    ann = (await chat.present("Ann")).user
    await chat.send(ann.id, "today")
    assert [(m.user.name, m.text) for m in await chat.history()] == [("Eve", "long ago"), ("Ann", "today")]


async def test_a_newer_message_is_skipped_and_counted_and_its_id_stays_taken(
    chat: Chat, broker: NatsConnection, caplog: pytest.LogCaptureFixture
) -> None:
    ann = (await chat.present("Ann")).user
    found = message_id(ann.id, "c1")
    newer = {"version": 3, "id": found, "new": "shape"}
    await chat.put(message_subject("general", found), json.dumps(newer).encode())
    assert await chat.history() == []
    assert await gauge(broker, CHAT_SERVICE, "malformed") >= 1
    assert "version: is 3, from a newer release" in caplog.text
    again = {"userId": ann.id, "clientId": "c1", "room": "general", "text": "again"}
    assert (await chat.refused(endpoints.SEND, again)).code is ErrorCode.UNAVAILABLE
    await chat.send(ann.id, "another", "c2")


async def test_a_newer_member_record_is_never_overwritten(chat: Chat, broker: NatsConnection) -> None:
    """A process that can't read the record must not replace it with its own older state."""
    ann = await chat.present("Ann")
    subject = member_subject(ann.user.id)
    seq = await chat.put(subject, NEWER)
    await until_answer(lambda: gauge(broker, CHAT_SERVICE, "malformed"), bool)
    leave = {"userId": ann.user.id, "connections": ["c1"], "manner": "exit"}
    join = {"token": ann.token, "connection": {"id": "c2", "gateway": "g1"}}
    for request, payload in ((endpoints.LEAVE, leave), (endpoints.JOIN, join)):
        assert (await chat.refused(request, payload)).code is ErrorCode.UNAVAILABLE
    last = await StreamReader(broker, MEMBERS_STREAM).last(subject)
    assert last is not None
    assert last.seq == seq


@pytest.mark.parametrize("key", name_keys("Ann"))
async def test_a_newer_name_claim_is_not_treated_as_free(chat: Chat, key: str) -> None:
    await chat.put(name_subject(key), NEWER)
    assert (await chat.refused(endpoints.REGISTER, {"name": "Ann"})).code is ErrorCode.UNAVAILABLE
    await chat.present("Bob")
