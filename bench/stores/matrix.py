"""Readers of a Matrix server: devices of registered users that follow one room by long polling."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from bench.clients.chat_reader import WELCOME

USERS = 100
"""Readers beyond these are further devices of the same users: one more user in a room costs seconds."""
_SECONDS = 120.0
_POLL_MS = 30_000
_ROOM = "#bench:localhost"
_BODY = re.compile(rb'"body":"([^"]+)"')
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CLIENT = "/_matrix/client/v3"
_FILTER = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "ephemeral": {"types": []},
        "account_data": {"types": []},
        "state": {"types": []},
        "timeline": {"limit": 100, "types": ["m.room.message"]},
    },
}


class MatrixError(ConnectionError):
    """The server's error response."""


class _Http:
    """One keep-alive connection with one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self.token = ""

    async def request(self, method: str, path: str, body: object = None) -> bytes:
        """Return the body of the response.

        Raises:
            MatrixError: its status is not 200. TimeoutError, OSError, IncompleteReadError: there is none.
        """
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {_CLIENT}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
        if self.token:
            head += f"Authorization: Bearer {self.token}\r\n"
        async with self._lock, asyncio.timeout(_SECONDS):
            self._writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + content)
            response = await self._reader.readuntil(b"\r\n\r\n")
            answer = await self._body(response)
        status = int(response[9:12])
        if status != 200:
            raise MatrixError(f"{method} {path}: {status} {answer[:300]!r}")
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._writer.transport.abort()

    async def _body(self, head: bytes) -> bytes:
        length = _LENGTH.search(head)
        if length is not None:
            return await self._reader.readexactly(int(length[1]))
        chunks: list[bytes] = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            chunks.append((await self._reader.readexactly(size + 2))[:size])
        await self._reader.readexactly(2)
        return b"".join(chunks)


class MatrixReader:
    """A device. It has one connection to poll with, and one to send with."""

    def __init__(self, poll: _Http, send: _Http, on_payload: Callable[[bytes], None]) -> None:
        self._poll = poll
        self._send = send
        self._on_payload = on_payload
        self._room = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = False
        """Whether a request has failed."""

    async def join(self, number: int) -> None:
        """Register or log in, and join the room; reader 0 creates it.

        Raises:
            MatrixError: refused. TimeoutError, OSError: no response.
        """
        user = f"reader{number % USERS}"
        if number < USERS:
            body: dict[str, Any] = {"username": user, "auth": {"type": "m.login.dummy"}}
            session = await self._request("POST", "/register", body | {"password": user})
        else:
            identifier = {"type": "m.id.user", "user": user}
            body = {"type": "m.login.password", "identifier": identifier, "password": user}
            session = await self._request("POST", "/login", body)
        self._poll.token = self._send.token = session["access_token"]
        if number == 0:
            room = {"room_alias_name": "bench", "preset": "public_chat"}
            self._room = (await self._request("POST", "/createRoom", room))["room_id"]
        else:
            self._room = (await self._request("POST", f"/join/{quote(_ROOM)}", {}))["room_id"]
        self._keep(self._follow(await self._sync(None)))
        self._on_payload(WELCOME)

    def say(self, number: int, text: str) -> None:
        """Send message ``number``."""
        path = f"/rooms/{quote(self._room)}/send/m.room.message/m{number}"
        self._keep(self._put(path, {"msgtype": "m.text", "body": text}))

    def close(self) -> None:
        """Close the connections."""
        for task in self._tasks:
            task.cancel()
        self._poll.close()
        self._send.close()

    def _keep(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self.lost = self.lost or (not task.cancelled() and task.exception() is not None)

    async def _request(self, method: str, path: str, body: object) -> dict[str, Any]:
        return dict(json.loads(await self._send.request(method, path, body)))

    async def _put(self, path: str, body: object) -> None:
        await self._send.request("PUT", path, body)

    async def _sync(self, since: str | None) -> bytes:
        query = {"filter": json.dumps(_FILTER), "timeout": str(_POLL_MS if since else 0)}
        return await self._poll.request(
            "GET", "/sync?" + urlencode(query | ({"since": since} if since else {}))
        )

    async def _follow(self, answer: bytes) -> None:
        """Poll until cancelled, and pass on the text of each message that comes after ``answer``."""
        while True:
            answer = await self._sync(json.loads(answer)["next_batch"])
            for body in _BODY.findall(answer):
                self._on_payload(body)


async def open_matrix(port: int, number: int, on_payload: Callable[[bytes], None]) -> MatrixReader:
    """Join as reader ``number``.

    Raises:
        MatrixError: refused. TimeoutError, OSError: no response.
    """
    poll, send = [_Http(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(2)]
    reader = MatrixReader(poll, send, on_payload)
    await reader.join(number)
    return reader
