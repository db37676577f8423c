"""Invalid requests over NATS are refused and have no effect."""

import json
from typing import Any

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.serialization.codec import MAX_PAYLOAD_BYTES
from opsroom_contracts.subjects import CHAT_SERVICE
from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat
from services.chat.tests.statistics import gauge

SEND: dict[str, Any] = {"userId": "nobody", "clientId": "c", "room": "general", "text": "hi"}
JOIN: dict[str, Any] = {"connection": {"id": "c1", "gateway": "g1"}}
MUTE: dict[str, Any] = {"kind": "mute", "name": "Ann"}
REMOVE: dict[str, Any] = {"room": "general", "id": "m"}
LEAVE: dict[str, Any] = {"userId": "nobody", "manner": "closed"}


@pytest.mark.parametrize(
    ("endpoint", "payload", "code", "field", "expected_text"),
    [
        (endpoints.REGISTER, {"name": ""}, "name_invalid", "name", "empty"),
        (endpoints.REGISTER, {"name": "n" * 33}, "name_invalid", "name", "limit is 32"),
        (endpoints.REGISTER, {"name": "n" * 257}, "invalid_request", "name", "256"),
        (endpoints.REGISTER, {"name": "a\u202eb"}, "name_invalid", "name", "U+202E"),
        (endpoints.REGISTER, {"name": "a\u200bb"}, "name_invalid", "name", "U+200B"),
        (endpoints.REGISTER, {}, "invalid_request", "name", "required"),
        (endpoints.REGISTER, {"name": "Ann", "age": 7}, "invalid_request", "age", "not permitted"),
        (endpoints.JOIN, JOIN, "invalid_request", "token", "is required"),
        (endpoints.JOIN, {**JOIN, "token": "x"}, "token_invalid", "token", "not valid"),
        (endpoints.JOIN, {**JOIN, "token": "*.>"}, "token_invalid", "token", "not valid"),
        (endpoints.JOIN, {**JOIN, "token": "a b.c"}, "token_invalid", "token", "not valid"),
        (endpoints.JOIN, {**JOIN, "token": "t" * 257}, "invalid_request", "token", "256"),
        (endpoints.JOIN, {**JOIN, "userId": "nobody"}, "user_unknown", "userId", "nobody"),
        (
            endpoints.JOIN,
            {"connection": {"id": "a.b", "gateway": "g"}},
            "invalid_request",
            "connection.id",
            "pattern",
        ),
        (endpoints.LEAVE, {**LEAVE, "manner": "rude"}, "invalid_request", "manner", "exit"),
        (endpoints.LEAVE, {**LEAVE, "userId": "*"}, "invalid_request", "userId", "pattern"),
        (endpoints.LEAVE, {**LEAVE, "connections": ["c"] * 65}, "invalid_request", "connections", "64"),
        (endpoints.WHOAMI, {"token": ""}, "invalid_request", "token", "at least 1"),
        (endpoints.WHOAMI, {"token": "nobody.secret"}, "token_invalid", "token", "not valid"),
        (endpoints.USERS, {"room": "general"}, "invalid_request", "room", "not permitted"),
        (endpoints.SEND, {**SEND, "text": ""}, "invalid_request", "text", "blank"),
        (endpoints.SEND, {**SEND, "text": " \n"}, "invalid_request", "text", "blank"),
        (endpoints.SEND, {**SEND, "text": "\u200b\u3164 \u2800"}, "invalid_request", "text", "blank"),
        (endpoints.SEND, {**SEND, "text": "x" * 4001}, "invalid_request", "text", "4000"),
        (endpoints.SEND, {**SEND, "room": "nowhere"}, "room_unknown", "room", "general"),
        (endpoints.SEND, {**SEND, "userId": "nobody"}, "user_unknown", "userId", "nobody"),
        (endpoints.SEND, {**SEND, "userId": None}, "invalid_request", "userId", "is required"),
        (endpoints.SEND, {**SEND, "clientId": ""}, "invalid_request", "clientId", "at least 1"),
        (endpoints.SEND, {**SEND, "clientId": "c" * 129}, "invalid_request", "clientId", "128"),
        (endpoints.SEND, {**SEND, "text": "\ufffc"}, "invalid_request", "text", "blank"),
        (endpoints.REGISTER, {"name": "\ufffc"}, "name_invalid", "name", "U+FFFC"),
        (endpoints.RESTRICT, {**MUTE, "reason": "a\x00b"}, "invalid_request", "reason", "U+0000"),
        (endpoints.RESTRICT, {**MUTE, "reason": "a\u202eb"}, "invalid_request", "reason", "U+202E"),
        (endpoints.REMOVE_MESSAGE, {**REMOVE, "reason": "\x1b"}, "invalid_request", "reason", "U+001B"),
        (endpoints.LIFT, {"id": "r", "reason": "\u200b"}, "invalid_request", "reason", "U+200B"),
        (endpoints.REVOKE, {"userId": "u", "reason": "\ufffc"}, "invalid_request", "reason", "U+FFFC"),
    ],
)
async def test_the_error_of_an_invalid_request_names_field_and_limit(
    chat: Chat,
    endpoint: endpoints.AnyEndpoint,
    payload: dict[str, Any],
    code: str,
    field: str,
    expected_text: str,
) -> None:
    fault = await chat.refused(endpoint, payload)
    assert (fault.code, fault.field) == (code, field)
    assert expected_text in fault.message


@pytest.mark.parametrize("endpoint", endpoints.endpoints_of(CHAT_SERVICE))
async def test_malformed_payloads_are_refused_and_counted(
    chat: Chat, broker: NatsConnection, endpoint: endpoints.AnyEndpoint
) -> None:
    hostile = (b"null", b'"str"', b"[]", b"7", b"{", b"\xff\xfe", b"[" * 10_000, b'{"\\ud800":1}')
    for payload in hostile:
        assert (await chat.refused(endpoint, payload)).code == "invalid_request"
    large = await chat.refused(endpoint, b" " * (MAX_PAYLOAD_BYTES + 1))
    assert large.code == "payload_too_large"
    assert str(MAX_PAYLOAD_BYTES) in large.message
    counted = json.loads((await broker.client.request(f"$SRV.STATS.{CHAT_SERVICE}", b"")).data)
    refusals = counted["endpoints"][0]["data"]["refusals"]
    assert refusals == {"invalid_request": len(hostile), "payload_too_large": 1}
    assert await gauge(broker, CHAT_SERVICE, "in_flight") == 0
    assert (await chat.present("Ann")).user.name == "Ann"
