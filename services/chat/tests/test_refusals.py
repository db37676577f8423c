"""Bad input, sent as an operator with the command line would: refused, and nothing stops or changes."""

import json
from typing import Any

import pytest

from opsroom_contracts.codec import MAX_PAYLOAD_BYTES
from opsroom_contracts.subjects import CHAT_SERVICE, ChatSubject
from opsroom_messaging.connection import Broker
from services.chat.tests.harness import Chat
from services.chat.tests.statistics import gauge

SEND: dict[str, Any] = {"userId": "nobody", "clientId": "c", "room": "general", "text": "hi"}
JOIN: dict[str, Any] = {"connection": {"id": "c1", "gateway": "g1"}}
LEAVE: dict[str, Any] = {"userId": "nobody", "manner": "closed"}


@pytest.mark.parametrize(
    ("subject", "payload", "code", "field", "words"),
    [
        (ChatSubject.REGISTER, {"name": ""}, "name_invalid", "name", "empty"),
        (ChatSubject.REGISTER, {"name": "n" * 33}, "name_invalid", "name", "limit is 32"),
        (ChatSubject.REGISTER, {"name": "n" * 257}, "invalid_request", "name", "256"),
        (ChatSubject.REGISTER, {"name": "a\u202eb"}, "name_invalid", "name", "U+202E"),
        (ChatSubject.REGISTER, {"name": "a\u200bb"}, "name_invalid", "name", "U+200B"),
        (ChatSubject.REGISTER, {}, "invalid_request", "name", "required"),
        (ChatSubject.REGISTER, {"name": "Ann", "age": 7}, "invalid_request", "age", "not permitted"),
        (ChatSubject.JOIN, JOIN, "invalid_request", "token", "must be given"),
        (ChatSubject.JOIN, {**JOIN, "token": "x"}, "token_invalid", "token", "not valid"),
        (ChatSubject.JOIN, {**JOIN, "token": "*.>"}, "token_invalid", "token", "not valid"),
        (ChatSubject.JOIN, {**JOIN, "token": "a b.c"}, "token_invalid", "token", "not valid"),
        (ChatSubject.JOIN, {**JOIN, "token": "t" * 257}, "invalid_request", "token", "256"),
        (ChatSubject.JOIN, {**JOIN, "userId": "nobody"}, "user_unknown", "userId", "nobody"),
        (
            ChatSubject.JOIN,
            {"connection": {"id": "a.b", "gateway": "g"}},
            "invalid_request",
            "connection.id",
            "pattern",
        ),
        (ChatSubject.LEAVE, {**LEAVE, "manner": "rude"}, "invalid_request", "manner", "exit"),
        (ChatSubject.LEAVE, {**LEAVE, "userId": "*"}, "invalid_request", "userId", "pattern"),
        (ChatSubject.LEAVE, {**LEAVE, "connections": ["c"] * 65}, "invalid_request", "connections", "64"),
        (ChatSubject.WHOAMI, {"token": ""}, "invalid_request", "token", "at least 1"),
        (ChatSubject.WHOAMI, {"token": "nobody.secret"}, "token_invalid", "token", "not valid"),
        (ChatSubject.USERS, {"room": "general"}, "invalid_request", "room", "not permitted"),
        (ChatSubject.SEND, {**SEND, "text": ""}, "invalid_request", "text", "at least 1"),
        (ChatSubject.SEND, {**SEND, "text": " \n"}, "invalid_request", "text", "blank"),
        (ChatSubject.SEND, {**SEND, "text": "x" * 4001}, "invalid_request", "text", "4000"),
        (ChatSubject.SEND, {**SEND, "room": "nowhere"}, "room_unknown", "room", "general"),
        (ChatSubject.SEND, {**SEND, "userId": "nobody"}, "user_unknown", "userId", "nobody"),
        (ChatSubject.SEND, {**SEND, "userId": None}, "invalid_request", "userId", "must be given"),
        (ChatSubject.SEND, {**SEND, "clientId": ""}, "invalid_request", "clientId", "at least 1"),
        (ChatSubject.SEND, {**SEND, "clientId": "c" * 129}, "invalid_request", "clientId", "128"),
    ],
)
async def test_what_is_refused_names_its_field_and_the_limit(
    chat: Chat, subject: ChatSubject, payload: dict[str, Any], code: str, field: str, words: str
) -> None:
    fault = await chat.refused(subject, payload)
    assert (fault.code, fault.field) == (code, field)
    assert words in fault.message


@pytest.mark.parametrize("subject", list(ChatSubject))
async def test_what_is_no_request_at_all_is_refused_counted_and_stops_nothing(
    chat: Chat, broker: Broker, subject: ChatSubject
) -> None:
    hostile = (b"null", b'"str"', b"[]", b"7", b"{", b"\xff\xfe", b"[" * 10_000, b'{"\\ud800":1}')
    for payload in hostile:
        assert (await chat.refused(subject, payload)).code == "invalid_request"
    large = await chat.refused(subject, b" " * (MAX_PAYLOAD_BYTES + 1))
    assert large.code == "payload_too_large"
    assert str(MAX_PAYLOAD_BYTES) in large.message
    counted = json.loads((await broker.client.request(f"$SRV.STATS.{CHAT_SERVICE}", b"", timeout=30)).data)
    refusals = counted["endpoints"][0]["data"]["refusals"]
    assert refusals == {"invalid_request": len(hostile), "payload_too_large": 1}
    assert await gauge(broker, CHAT_SERVICE, "in_flight") == 0
    assert (await chat.present("Ann")).user.name == "Ann"
