"""Course clients that close right after a frame: the close counts, whatever is being worked on."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from opsroom_testkit.broker import BrokerProcess
from opsroom_testkit.raw_websocket import RawWebSocket, open_websocket
from opsroom_testkit.websocket_frames import TEXT, close_frame, frame
from services.gateway.tests.kit.course_clients import CourseClient, as_list, course_client, register
from services.gateway.tests.kit.portal import Address, services, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NORMAL_CLOSURE = 1000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def patient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Address]:
    """A gateway whose chat service keeps those whose connection broke on the list for a minute."""
    process = BrokerProcess(tmp_path_factory.mktemp("broker"))
    await process.start()
    async with services(process.url, broken_seconds=60.0), serving(process.url) as address:
        yield address
    await process.stop()


def _sends(user: dict[str, str], *texts: str) -> bytes:
    frames = ({"type": "send", "message": text, "user": user} for text in texts)
    return b"".join(frame(TEXT, json.dumps(one).encode()) for one in frames)


async def _opened(address: Address, user: dict[str, str]) -> RawWebSocket:
    """Open a socket and read until its user is listed."""
    socket = await open_websocket(address.port, "/chat/", subprotocol="")
    while user not in (as_list((await socket.until(TEXT)).decode()) or ()):
        pass
    return socket


async def _end(socket: RawWebSocket) -> None:
    """Close the connection without reading what has arrived, so that the gateway can write nothing more."""
    socket.writer.close()
    await asyncio.gather(socket.writer.wait_closed(), return_exceptions=True)


async def _texts(reader: CourseClient, count: int) -> list[str]:
    """Read the texts of the next messages."""
    return [json.loads(await reader.message())["message"] for _ in range(count)]


@pytest.mark.parametrize("texts", [("x",), ("x" * 900, "y" * 900), ("x" * 3000, "y" * 5000, "z" * 900)])
async def test_a_client_that_sends_and_closes_at_once_has_left(
    patient: Address, texts: tuple[str, ...]
) -> None:
    async with course_client(patient, "reader") as reader:
        user = await register(patient, "", f"quick-{uuid4().hex[:12]}")
        socket = await _opened(patient, user)
        await reader.sees(user)
        socket.writer.write(_sends(user, *texts) + close_frame(_NORMAL_CLOSURE))
        await _end(socket)
        assert await _texts(reader, len(texts)) == list(texts)
        await reader.misses(user)


async def test_a_client_that_closes_while_its_frames_are_handled_has_left(patient: Address) -> None:
    texts = [f"{n}" for n in range(16)]
    async with course_client(patient, "reader") as reader:
        user = await register(patient, "", f"busy-{uuid4().hex[:12]}")
        socket = await _opened(patient, user)
        await reader.sees(user)
        socket.writer.write(_sends(user, *texts))
        assert await _texts(reader, 1) == texts[:1]
        socket.writer.write(close_frame(_NORMAL_CLOSURE))
        await _end(socket)
        assert await _texts(reader, len(texts) - 1) == texts[1:]
        await reader.misses(user)
