"""Compatibility: what only a newer server sends is ignored, and an older one gets what it knows."""

import asyncio
import json

import pytest
from websockets.asyncio.server import ServerConnection, serve

from opsroom_client import Opsroom, UnreachableError
from opsroom_contracts.chat.frames import MessageFrame, WelcomeFrame
from opsroom_contracts.cloud.commands import EventType
from opsroom_contracts.http import CloudEvent

ANN = {"id": "u1", "name": "Ann", "pronouns": "she"}
WELCOME = {"type": "welcome", "user": ANN, "users": [ANN], "seq": 6, "motto": "new"}
NEWER = {"type": "applause", "seq": 6, "volume": 11}
MESSAGE = {
    "type": "message",
    "seq": 7,
    "id": "m7",
    "room": "general",
    "user": ANN,
    "text": "hello",
    "timestamp": "2026-11-25T00:00:00.000Z",
    "threads": [],
}


async def newer_server(socket: ServerConnection) -> None:
    await socket.recv()
    for frame in (WELCOME, NEWER, MESSAGE):
        await socket.send(json.dumps(frame))
    await socket.wait_closed()


async def test_unknown_fields_and_frames_are_ignored() -> None:
    async with serve(newer_server, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            Opsroom(f"http://127.0.0.1:{port}", timeout=5) as opsroom,
            opsroom.chat("token") as chat,
            asyncio.timeout(5),
        ):
            received = [await anext(chat), await anext(chat)]
    welcome, message = received
    assert isinstance(welcome, WelcomeFrame)
    assert isinstance(message, MessageFrame)
    assert (welcome.user.name, welcome.seq) == ("Ann", 6)
    assert (message.user.name, message.text, chat.seq) == ("Ann", "hello", 7)


async def test_an_older_server_gets_the_hello_that_it_knows() -> None:
    """It happens during an upgrade: the gateway that the client reconnects to is still the old one."""
    hellos: list[dict[str, object]] = []
    welcome = WELCOME | {"epoch": "e1", "timestamp": "2026-11-25T00:00:00.000Z"}

    async def older_server(socket: ServerConnection) -> None:
        hellos.append(json.loads(await socket.recv()))
        if len(hellos) == 1:  # the first gateway is of this release
            await socket.send(json.dumps(welcome))
            await socket.close(1001)
            return
        error = {"type": "error", "code": "invalid_request", "message": "unknown field", "field": "epoch"}
        await socket.send(json.dumps(error))
        hellos.append(json.loads(await socket.recv()))
        await socket.send(json.dumps(WELCOME))
        await socket.wait_closed()

    async with serve(older_server, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            Opsroom(f"http://127.0.0.1:{port}", timeout=5) as opsroom,
            opsroom.chat("token") as chat,
            asyncio.timeout(10),
        ):
            received = [await anext(chat), await anext(chat)]
    assert all(isinstance(frame, WelcomeFrame) for frame in received)
    pages = {"userPages": True, "heartbeats": True}
    plain = {"type": "hello", "token": "token"}
    resumed = plain | {"since": 6}
    position = {"epoch": "e1", "timestamp": "2026-11-25T00:00:00.000Z"}
    assert hellos == [plain | pages, resumed | position | pages, resumed]


async def test_a_server_that_rejects_every_hello_gets_two() -> None:
    hellos = 0

    async def rejecting_server(socket: ServerConnection) -> None:
        nonlocal hellos
        async for _ in socket:
            hellos += 1
            error = {"type": "error", "code": "invalid_request", "message": "unknown", "field": "epoch"}
            await socket.send(json.dumps(error))

    async with serve(rejecting_server, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with Opsroom(f"http://127.0.0.1:{port}", timeout=1) as opsroom:
            with pytest.raises(UnreachableError):
                async with opsroom.chat("token"):
                    pass
    assert hellos == 2


STARTED = {
    "seq": 4,
    "type": "started",
    "instanceId": "i1",
    "operationId": "o1",
    "command": "start",
    "state": "running",
    "actor": "Ann",
    "timestamp": "2026-11-25T00:00:00.000Z",
}
MIGRATED = {**STARTED, "seq": 2, "type": "migrated", "command": "migrate"}
PAUSED = {**STARTED, "seq": 3, "state": "paused"}


async def test_events_with_unknown_members_of_enumerations_are_ignored() -> None:
    ended = asyncio.Event()

    async def newer_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for event in (MIGRATED, PAUSED, STARTED):
            writer.write(f"event: change\ndata: {json.dumps(event)}\n\n".encode())
        await reader.read()
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(newer_stream, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        async with (
            Opsroom(f"http://127.0.0.1:{port}", timeout=5) as opsroom,
            opsroom.cloud.follow(since=1) as changes,
        ):
            change = await anext(changes)
        await ended.wait()
    assert isinstance(change, CloudEvent)
    assert (change.seq, change.type) == (4, EventType.STARTED)
