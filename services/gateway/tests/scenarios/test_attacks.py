"""Known attacks, each with its defense. Others are tested with limits, roles and tokens."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from opsroom_testkit.waiting import PATIENCE_SECONDS
from services.gateway.tests.kit.api_clients import SUBPROTOCOL, Person, person, token_of
from services.gateway.tests.kit.portal import Address, Portal, gateway_settings, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

HIDDEN = (
    b"POST /api/v1/chat/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    b'Content-Length: 19\r\n\r\n{"name":"smuggled"}'
)
EMPTY = b"0\r\n\r\n" + HIDDEN
CHUNKED = b"Transfer-Encoding: chunked"
ELSEWHERE = "127.0.0.2"
"""Another loopback address, for clients that are not part of a flood."""


def post(*lines: bytes, body: bytes = HIDDEN, end: bytes = b"\r\n") -> bytes:
    """Return a request with the header lines ``lines``."""
    return end.join((b"POST /api/v1/chat/users HTTP/1.1", b"Host: x", *lines, b"", b"")) + body


SMUGGLING = {
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 90"),
    "a list of lengths": post(b"Content-Length: 0, 90"),
    "a length with a sign": post(b"Content-Length: +0"),
    "a length in hex": post(b"Content-Length: 0x0"),
    "chunked and a length": post(CHUNKED, b"Content-Length: 90", body=EMPTY),
    "a length and chunked": post(b"Content-Length: 5", CHUNKED, body=EMPTY),
    "chunked by another word": post(b"Transfer-Encoding: xchunked", body=EMPTY),
    "chunked and then something": post(CHUNKED, b"Transfer-Encoding: x", body=EMPTY),
    "a space before the colon": post(b"Transfer-Encoding : chunked", body=EMPTY),
    "a folded line": post(b"X: a", b" Transfer-Encoding: chunked", body=EMPTY),
    "a bare line feed in a line": post(b"X: a\nTransfer-Encoding: chunked", body=EMPTY),
    "bare line feeds": post(b"Content-Length: 0", end=b"\n"),
    "a bare carriage return": post(b"X: a\rContent-Length: 0"),
    "a NUL": post(b"Content-Length: 0\x00"),
    "a chunk of no size": post(CHUNKED, body=b"zz\r\n" + HIDDEN),
    "a chunk ended by line feeds": post(CHUNKED, body=b"0\n\n" + HIDDEN),
}


async def exchange(address: Address, data: bytes) -> bytes:
    """Send ``data``. Returns everything received until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    writer.write(data)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("data", SMUGGLING.values(), ids=SMUGGLING.keys())
async def test_request_smuggling_is_rejected(address: Address, data: bytes) -> None:
    """Defense: the parser rejects ambiguous requests and reads nothing after them."""
    response = await exchange(address, data)
    assert response.startswith(b"HTTP/1.1 400 ")
    assert response.count(b"HTTP/1.1 ") == 1


async def test_the_smuggled_request_would_be_accepted_on_its_own(address: Address) -> None:
    """Otherwise the test above would prove nothing."""
    assert (await exchange(address, HIDDEN)).startswith(b"HTTP/1.1 201 ")


AUTHORS: tuple[dict[str, object], ...] = (
    {"user": {"id": "VICTIM", "name": "NAME"}},
    {"user": "NAME"},
    {"userId": "VICTIM"},
    {"name": "NAME"},
    {"author": "NAME"},
    {"token": "VICTIM"},
)

FRAMES: tuple[dict[str, object], ...] = (
    {"type": "send", "clientId": "x", "room": "general", "text": "I am the victim"},
    {"type": "leave"},
    {"type": "typing", "room": "general"},
)


async def assert_rejected(villain: Person, victim: Person, frame: dict[str, object]) -> None:
    """Send ``frame`` with the victim's names in it; check that it is rejected and not delivered."""
    user = victim.welcome["user"]
    text = json.dumps(frame).replace("VICTIM", user["id"]).replace("NAME", user["name"])
    await villain.send(text)
    assert (await villain.receive("error", "ack"))["code"] == "invalid_request"
    reply = await victim.say("still me")
    assert reply["type"] == "ack"
    assert (await villain.receive("message"))["user"] == user


async def test_no_frame_can_send_or_leave_for_another_user(address: Address) -> None:
    """Defense: frames have no author field, and unknown fields are rejected; only the token counts."""
    async with person(address) as villain, person(address) as victim:
        for author in AUTHORS:
            for frame in FRAMES:
                await assert_rejected(villain, victim, frame | author)


@pytest_asyncio.fixture(loop_scope="module")
async def strict(portal: Portal) -> AsyncIterator[Address]:
    """A gateway without exempt addresses and with four connections per address."""
    few = gateway_settings(exempt_addresses=(), connections_per_address=4)
    async with serving(portal.url, few) as address:
        yield address


async def test_a_reconnect_storm_from_one_address_does_not_block_others(strict: Address) -> None:
    """Defense: connections are counted per address, including silent ones, and released when they end."""
    token = await token_of(strict)
    refused: Counter[int] = Counter()

    async def storm() -> None:
        for _ in range(10):
            try:
                async with connect(f"{strict.ws}/chat/"):
                    pass
            except InvalidStatus as error:
                refused[error.response.status_code] += 1

    async with AsyncExitStack() as stack:
        url = f"{strict.ws}/api/v1/chat/ws"
        other = await stack.enter_async_context(
            connect(url, subprotocols=[SUBPROTOCOL], local_addr=(ELSEWHERE, 0))  # type: ignore[list-item]
        )
        await other.send(json.dumps({"type": "hello", "token": token}))
        storms = [asyncio.create_task(storm()) for _ in range(8)]
        bystander = Person(other, token, json.loads(await other.recv()))
        for _ in range(5):
            assert (await bystander.say("undisturbed"))["type"] == "ack"
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*storms)
    assert set(refused) == {429}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with suppress(InvalidStatus):
                async with connect(f"{strict.ws}/chat/"):
                    return
