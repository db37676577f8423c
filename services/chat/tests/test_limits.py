"""Limits of the chat service: stream size, overload, connections per user."""

import asyncio

import pytest

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import SendRequest
from opsroom_contracts.errors import FAULT, ErrorCode
from opsroom_contracts.serialization.codec import decode, encode
from opsroom_messaging.client import microservice
from opsroom_messaging.client.connection import NatsConnection
from services.chat.tests.harness import Chat, refusal, service


async def test_the_oldest_messages_are_dropped_when_the_stream_is_full(
    broker: NatsConnection,
) -> None:
    async with service(broker, retention_bytes=1_000_000):
        chat = Chat(broker)
        await chat.lease("g1")
        ann = await chat.present("Ann")
        sent = [f"{n:03d}" + "x" * 3900 for n in range(300)]
        for text in sent:
            await chat.send(ann.user.id, text, text[:3])
        kept = await chat.everything()
        assert [message.text for message in kept] == sent[-len(kept) :]
        assert 100 < len(kept) < 300
        first = kept[0].seq
        assert (await chat.messages.bounds()).first == first > 1
        assert await chat.history(before=first) == []
        assert await chat.history(after=0, limit=3) == kept[:3]
        assert await chat.history(before=first + 2, limit=50) == kept[:2]


async def test_overload_is_refused_and_accepted_messages_are_stored_once(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await chat.present("Ann")
    monkeypatch.setattr(microservice, "MAX_IN_FLIGHT", 5)

    async def send(text: str) -> str | None:
        """Send once; return ``text`` if it was accepted."""
        request = SendRequest(user_id=ann.user.id, client_id=text, room="general", text=text)
        response = await chat.broker.client.request(endpoints.SEND.subject, encode(request), timeout=15)
        if not response.headers:
            return text
        assert decode(FAULT, response.data).code is ErrorCode.OVERLOADED
        return None

    outcomes = await asyncio.gather(*(send(str(n)) for n in range(200)))
    accepted = [text for text in outcomes if text is not None]
    assert 5 <= len(accepted) < 200
    assert sorted(message.text for message in await chat.everything()) == sorted(accepted)


async def test_all_requests_succeed_after_retries_under_overload(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await chat.present("Ann")
    monkeypatch.setattr(microservice, "MAX_IN_FLIGHT", 40)
    replies = await asyncio.gather(*(chat.send(ann.user.id, str(n)) for n in range(200)))
    stored = await chat.everything()
    assert sorted(int(message.text) for message in stored) == list(range(200))
    assert {message.seq for message in stored} == {reply.seq for reply in replies}


async def test_the_service_limits_connections_per_user(chat: Chat) -> None:
    ann = await chat.present("Ann", socket="c0")
    for n in range(1, 64):
        await chat.join(ann.token, f"c{n}")
    impatient = Chat(chat.broker, patience=0.2)
    fault = await refusal(impatient.join(ann.token, "c64"))
    assert fault.code is ErrorCode.OVERLOADED
    assert "64 connections" in fault.message
    assert await chat.names() == ["Ann"]
