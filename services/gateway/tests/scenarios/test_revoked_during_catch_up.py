"""A permission ends while a reader is still being sent what it missed: it gets nothing later."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import ConnectionClosed

from opsroom_contracts.chat.events import MessageEvent
from opsroom_contracts.chat.models import User
from opsroom_contracts.cloud.commands import Command, EventType, InstanceState
from opsroom_contracts.cloud.models import InstanceEvent
from opsroom_contracts.identity import Role
from opsroom_contracts.serialization.codec import encode
from opsroom_contracts.subjects import CHAT_STREAM, CLOUD_STREAM, instance_events, message_subject
from opsroom_messaging.client.connection import NatsConnection, connect
from opsroom_messaging.jetstream.broker_clock import BrokerClock
from opsroom_messaging.jetstream.stream_reader import StreamReader
from opsroom_testkit.raw_connection import RawConnection, open_raw
from opsroom_testkit.waiting import until_answer
from services.gateway.tests.kit.api_clients import close_code
from services.gateway.tests.kit.behind_proxy import CHAT, PROXY, forwarded_for, socket_from, unique_name
from services.gateway.tests.kit.portal import Address, Portal
from services.gateway.tests.kit.token_mode import EVENTS, Tokens, registered, token_mode_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

MISSED = 3000
"""Events of some 800 bytes each: more than the system buffers for a reader with a small window."""
WINDOW = 65_536
READER = "198.51.100.7"

End = Callable[[httpx.AsyncClient, Tokens, str, str], Awaitable[object]]


def event(instance: str) -> bytes:
    """An event of an instance that exists."""
    return encode(
        InstanceEvent(
            type=EventType.FAILED,
            instance_id=instance,
            operation_id="none",
            command=Command.START,
            state=InstanceState.STOPPED,
            actor="test",
            timestamp=BrokerClock()(),
            reason="x" * 500,
        )
    )


def message(message_id: str) -> bytes:
    """A message of a user who is not connected."""
    author = User(id="author", name="author")
    text, now = "x" * 500, BrokerClock()()
    return encode(MessageEvent(id=message_id, room="general", user=author, text=text, timestamp=now))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def missed(portal: Portal) -> AsyncIterator[NatsConnection]:
    """A connection to a broker that has stored many events and messages."""
    broker = await connect(portal.url, name="test")
    subject, data = instance_events("busy"), event("busy")
    for number in range(MISSED):
        await broker.client.publish(subject, data)
        await broker.client.publish(message_subject("general", f"m{number}"), message(f"m{number}"))
    for stream in (CLOUD_STREAM, CHAT_STREAM):
        reader = StreamReader(broker, stream)
        await until_answer(reader.bounds, lambda bounds: bounds.last >= MISSED)
    yield broker
    await broker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal, tmp_path: Path) -> AsyncIterator[tuple[Address, Tokens]]:
    """A gateway in token mode behind a proxy."""
    tokens = Tokens(tmp_path / "tokens")
    async with token_mode_gateway(portal, tokens, **PROXY) as address:
        yield address, tokens


@asynccontextmanager
async def reading(address: Address, token: str, query: str = "") -> AsyncIterator[RawConnection]:
    """An event stream with a small receive window."""
    head = f"GET {EVENTS}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    request = f"{head}X-Forwarded-For: {READER}\r\n\r\n".encode()
    connection = await open_raw(address.port, request, WINDOW)
    assert b" 200 OK" in connection.head
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def slow_socket(address: Address) -> AsyncIterator[ClientConnection]:
    """A chat socket with a small receive window that reads only what it is asked for."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", address.port))
    path, headers = f"{address.ws}{CHAT}/ws", forwarded_for(READER)
    async with connect_socket(
        path, additional_headers=headers, compression=None, max_queue=1, sock=sock
    ) as opened:
        yield opened


async def revoke(client: httpx.AsyncClient, tokens: Tokens, _name: str, token: str) -> None:
    """Revoke the reader's token."""
    path = f"/api/v1/chat/users/{token.partition('.')[0]}/token"
    assert (await client.delete(path, headers=tokens.header(Role.ADMIN))).status_code == 204


async def remove_static_token(_client: httpx.AsyncClient, tokens: Tokens, _name: str, _token: str) -> None:
    """Remove the static token from which the reader's has its role."""
    tokens.write(Role.ADMIN)


async def demote(_client: httpx.AsyncClient, tokens: Tokens, _name: str, _token: str) -> None:
    """Give the static token a role that may not see servers."""
    tokens.lines[Role.VIEWER] = tokens.lines[Role.VIEWER].replace(" viewer sha256:", " member sha256:")
    tokens.write(*Role)


async def ban_name(client: httpx.AsyncClient, tokens: Tokens, name: str, _token: str) -> None:
    """Ban the reader by name."""
    await _ban(client, tokens, {"name": name})


async def ban_address(client: httpx.AsyncClient, tokens: Tokens, _name: str, _token: str) -> None:
    """Ban the reader's address, for a while."""
    await _ban(client, tokens, {"address": READER, "seconds": 1})


async def _ban(client: httpx.AsyncClient, tokens: Tokens, body: dict[str, object]) -> None:
    response = await client.post("/api/v1/chat/bans", json=body, headers=tokens.header(Role.ADMIN))
    assert response.status_code == 201, response.text


@pytest.mark.parametrize("end", [revoke, remove_static_token, demote, ban_name, ban_address])
async def test_a_stream_that_is_catching_up_ends_without_a_later_event(
    missed: NatsConnection, strict: tuple[Address, Tokens], end: End
) -> None:
    address, tokens = strict
    name, later = unique_name("reader"), unique_name("later")
    async with address.requests() as client:
        client.headers.update(forwarded_for("192.0.2.1"))
        token = await registered(client, name, tokens.header(Role.VIEWER))
        async with reading(address, token) as live, reading(address, token, "?since=0") as behind:
            await behind.read_until(1)
            await end(client, tokens, name, token)
            await live.read_all()  # it ends at once: the gateway knows
            await missed.jetstream.publish(instance_events(later), event(later))
            text = await behind.read_all()
    assert later.encode() not in text
    assert text.count(b"event: change") < MISSED


@pytest.mark.parametrize("end", [revoke, remove_static_token, ban_name, ban_address])
async def test_a_socket_that_is_catching_up_ends_without_a_later_message(
    portal: Portal, missed: NatsConnection, strict: tuple[Address, Tokens], end: End
) -> None:
    _, tokens = strict
    name, later = unique_name("reader"), unique_name("later")
    async with (
        token_mode_gateway(portal, tokens, **PROXY, guests=False) as address,
        address.requests() as client,
    ):
        client.headers.update(forwarded_for("192.0.2.1"))
        token = await registered(client, name, tokens.header(Role.VIEWER))
        async with (
            socket_from(address, CHAT + "/ws", READER) as live,
            slow_socket(address) as behind,
        ):
            await live.send(json.dumps({"type": "hello", "token": token}))
            assert json.loads(await live.recv())["type"] == "welcome"
            await behind.send(json.dumps({"type": "hello", "token": token, "since": 0}))
            assert json.loads(await behind.recv())["type"] == "welcome"
            await end(client, tokens, name, token)
            codes = {await close_code(live)}
            await missed.jetstream.publish(message_subject("general", later), message(later))
            texts: list[str | bytes] = []
            with suppress(ConnectionClosed):
                while True:
                    texts.append(await behind.recv())
            codes.add(behind.close_code or 0)
    assert codes <= {1000, 4002, 4004}
    assert not any(later in str(text) for text in texts)
    assert len(texts) < MISSED
