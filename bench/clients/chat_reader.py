"""Readers of one chat room, one class for each protocol that the benchmark uses."""

import json
from collections.abc import Callable
from typing import Protocol

from bench.clients.chat_socket import join_chat
from opsroom_testkit.websocket_client import WebSocketClient

WELCOME = b'{"type":"welcome"}'
"""What a reader passes on once it has joined, if its protocol has no frame that says so."""


class ChatReader(Protocol):
    """A client that has joined the room. It passes on the bytes of each message, and may send some."""

    @property
    def lost(self) -> bool:
        """Whether the connection has failed."""

    def say(self, number: int, text: str) -> None:
        """Send message ``number``; the text needs no escaping."""

    def close(self) -> None:
        """Close the connection."""


class SocketReader:
    """A socket of the portal or of a relay."""

    def __init__(self, socket: WebSocketClient, protocol: str) -> None:
        self._socket = socket
        self._protocol = protocol

    @property
    def lost(self) -> bool:
        """Whether the connection has failed."""
        return self._socket.lost

    def say(self, number: int, text: str) -> None:
        """Send message ``number``."""
        frame: dict[str, object] = {"type": "send", "message": text, "user": {"name": "bench"}}
        if self._protocol != "course":
            frame = {"type": "send", "clientId": str(number), "room": "general", "text": text}
        self._socket.send(json.dumps(frame).encode())

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


async def open_socket(
    port: int, protocol: str, number: int, on_payload: Callable[[bytes], None]
) -> SocketReader:
    """Join as reader ``number`` of the portal or of a relay.

    Raises:
        ConnectionError: the server refused.
    """
    return SocketReader(await join_chat(port, protocol, number, on_payload), protocol)
