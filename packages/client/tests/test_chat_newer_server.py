"""Forward compatibility: frames and fields of a newer server are ignored."""

import asyncio
import json

from websockets.asyncio.server import ServerConnection, serve

from opsroom_client import Opsroom
from opsroom_contracts.frames import MessageFrame, WelcomeFrame

ANN = {"id": "u1", "name": "Ann", "pronouns": "she"}
WELCOME = {"type": "welcome", "user": ANN, "users": [ANN], "seq": 6, "motto": "new"}
REACTION = {"type": "reaction", "seq": 6, "emoji": "+1"}
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
    for frame in (WELCOME, REACTION, MESSAGE):
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
