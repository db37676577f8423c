"""A user of the chat who sends one message at a time, and waits for its acknowledgement."""

import asyncio
import json
from enum import Enum

from bench.clients.chat_socket import is_welcome, join_chat
from opsroom_testkit.websocket_client import WebSocketClient

_SECONDS = 60.0


class Outcome(Enum):
    """What the server said of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class AckedSender:
    """One socket of ``/api/v1``. Use ``open``."""

    def __init__(self) -> None:
        self._socket: WebSocketClient | None = None
        self._welcome = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self.reason = ""
        """The last refusal."""

    async def open(self, port: int, number: int) -> None:
        """Join the chat as user ``number``.

        Raises:
            ConnectionError, TimeoutError: the server refused, or sent no welcome within a minute.
        """
        self._socket = await join_chat(port, "v1", number, self._receive)
        async with asyncio.timeout(_SECONDS):
            await self._welcome.wait()

    async def send(self, client_id: str, room: str, text: str) -> Outcome:
        """Send a message, and wait until it is acknowledged or refused.

        Raises:
            TimeoutError: it was neither within a minute.
        """
        assert self._socket is not None
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[client_id] = answer
        frame = {"type": "send", "clientId": client_id, "room": room, "text": text}
        self._socket.send(json.dumps(frame).encode())
        try:
            async with asyncio.timeout(_SECONDS):
                return await answer
        finally:
            del self._waiting[client_id]

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def _receive(self, payload: bytes) -> None:
        if is_welcome(payload):
            self._welcome.set()
            return
        frame = json.loads(payload)
        answer = self._waiting.get(frame.get("clientId", ""))
        if answer is None or answer.done():
            return
        if frame["type"] == "ack":
            answer.set_result(Outcome.DUPLICATE if frame.get("duplicate") else Outcome.STORED)
        elif frame["type"] == "error":
            self.reason = str(frame)
            answer.set_result(Outcome.REFUSED)
