"""The client of users with a lesser role: each attempt must be refused clearly."""

import asyncio
import json
import re
from urllib.parse import urlsplit

from opsroom_messaging.client.credentials import Credentials
from opsroom_testkit.raw_websocket import RawWebSocket
from opsroom_testkit.websocket_frames import CLOSE, PING, PONG, TEXT, close_frame, frame, upgrade_request
from tests.fuzz.cases.role_cases import RoleCase, RoleFrames, RoleRequest, RoleSubject

_REFUSED = frozenset({401, 403})
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class RoleAttackers:
    """Sends cases to the gateway in ``token`` mode at ``port``, and to the broker."""

    def __init__(self, port: int, broker_url: str, access: dict[str, Credentials]) -> None:
        self._port = port
        self._broker = urlsplit(broker_url)
        self._access = access

    async def send(self, case: RoleCase) -> None:
        """Try.

        Raises:
            AssertionError: it was not refused, or not clearly.
        """
        match case:
            case RoleRequest():
                await self._request(case)
            case RoleFrames():
                await self._frames(case)
            case RoleSubject():
                await self._subject(case)

    async def _request(self, case: RoleRequest) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(case.request)
            received = await reader.read(65_536)  # an event stream, if one is opened, has no end
        finally:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        status = int(received[9:12]) if _STATUS.match(received) else 0
        wanted = _REFUSED if case.exact else range(300, 500)
        assert status in wanted, f"not refused: {received[:300]!r}"

    async def _frames(self, case: RoleFrames) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            request = upgrade_request(case.path, subprotocol="opsroom.v1")
            if case.token is not None:
                request = request[:-2] + f"Authorization: Bearer {case.token}\r\n\r\n".encode()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not case.opens:
                assert int(head[9:12]) in _REFUSED, f"not refused: {head[:300]!r}"
            elif head.startswith(b"HTTP/1.1 101"):
                writer.write(
                    b"".join(frame(TEXT, text.encode()) for text in case.frames) + frame(PING, b"end")
                )
                await _until_pong(RawWebSocket(reader, writer))
        finally:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def _subject(self, case: RoleSubject) -> None:
        """Publish or subscribe with the broker's own protocol: a violation is an error before the pong."""
        access = self._access[case.user]
        assert access.password_file is not None
        reader, writer = await asyncio.open_connection(self._broker.hostname, self._broker.port)
        try:
            options = {
                "user": access.user,
                "pass": access.password_file.read_text().strip(),
                "verbose": False,
                "pedantic": False,
            }
            order = f"SUB {case.subject} 1" if case.subscribe else f"PUB {case.subject} 2\r\n{{}}"
            writer.write(f"CONNECT {json.dumps(options)}\r\n{order}\r\nPING\r\n".encode())
            received = await reader.readuntil(b"PONG\r\n")
        finally:
            writer.close()
        assert b"-ERR 'Permissions Violation" in received, f"not refused: {received[-300:]!r}"


async def _until_pong(socket: RawWebSocket) -> None:
    """Read until the pong, or until the portal closes the socket."""
    async with asyncio.timeout(10):
        try:
            while (got := await socket.next())[0] not in {PONG, CLOSE}:
                assert b'"welcome"' not in got[1], "a hello without a registration was accepted"
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        if got[0] == PONG:
            socket.writer.write(close_frame(1000))
