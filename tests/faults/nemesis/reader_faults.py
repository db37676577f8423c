"""Faults of readers of the chat, and a full disk."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.faults.clients.chat_clients import ChatClient
from tests.faults.clients.texts import PAD
from tests.faults.nemesis.plan import Fault, FaultKind


async def disturb_reader(people: Sequence[ChatClient], fault: Fault) -> str:
    """Cut the connection of a reader within a frame, or let it read nothing for a while. Returns its name."""
    connected = [person for person in people if person.socket is not None]
    if not connected:
        return ""
    victim = connected[int(fault.pick * len(connected))]
    socket = victim.socket
    assert socket is not None
    if fault.kind is FaultKind.READER_CUT:
        socket.cut({"type": "send", "clientId": "cut", "room": "general", "text": PAD})
        return victim.name
    socket.pause()
    await asyncio.sleep(fault.seconds)
    if fault.kind is FaultKind.READER_SLOW:
        socket.resume()
    else:
        socket.abort()
    return victim.name


def fill(path: Path) -> None:
    """Write to ``path`` until the disk is full."""
    chunk = b"\0" * 65536
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            size = file.write(chunk)
            if size < len(chunk):
                return
