"""Readers of Centrifugo: its JSON protocol over a WebSocket, on one channel with history."""

import json
from collections.abc import Callable

from bench.clients.chat_reader import WELCOME
from opsroom_testkit.websocket_client import WebSocketClient, connect

CHANNEL = "bench"
_SUBSCRIBE = 2
_FIRST_PUBLISH = 10
_PING = b"{}"


class CentrifugoReader:
    """A subscriber. Several replies may come in one frame, one on each line."""

    def __init__(self, on_payload: Callable[[bytes], None]) -> None:
        self._on_payload = on_payload
        self._socket: WebSocketClient | None = None

    @property
    def lost(self) -> bool:
        """Whether the connection has failed."""
        return self._socket is None or self._socket.lost

    async def join(self, port: int) -> None:
        """Connect and subscribe.

        Raises:
            ConnectionError: refused. TimeoutError: no response in time.
        """
        self._socket = await connect(port, "/connection/websocket", self._receive)
        self._write({"id": 1, "connect": {}}, {"id": _SUBSCRIBE, "subscribe": {"channel": CHANNEL}})

    def say(self, number: int, text: str) -> None:
        """Publish message ``number``."""
        publication = {"channel": CHANNEL, "data": {"text": text}}
        self._write({"id": number + _FIRST_PUBLISH, "publish": publication})

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()

    def _write(self, *commands: dict[str, object]) -> None:
        assert self._socket is not None
        self._socket.send("\n".join(map(json.dumps, commands)).encode())

    def _receive(self, frame: bytes) -> None:
        for reply in frame.split(b"\n"):
            if reply == _PING and self._socket is not None:
                self._socket.send(_PING)
            elif reply.startswith(b'{"id":%d,"subscribe"' % _SUBSCRIBE):
                self._on_payload(WELCOME)
            else:
                self._on_payload(reply)


async def open_centrifugo(port: int, on_payload: Callable[[bytes], None]) -> CentrifugoReader:
    """Connect and subscribe.

    Raises:
        ConnectionError: refused. TimeoutError: no response in time.
    """
    reader = CentrifugoReader(on_payload)
    await reader.join(port)
    return reader
