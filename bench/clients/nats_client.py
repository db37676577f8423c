"""A minimal NATS client for very many concurrent requests.

It implements the NATS protocol itself, because a client library costs more per request than the service.
"""

import asyncio
import json
import re

from opsroom_contracts import endpoints
from opsroom_contracts.chat.models import RegisterReply, RegisterRequest
from opsroom_contracts.serialization.codec import contract_of, decode, encode

ANSWER_SECONDS = 30.0
_INBOX = b"_INBOX.bench."
_HEAD = re.compile(rb"(H?)MSG _INBOX\.bench\.(\d+) 1 (?:(\d+) )?(\d+)\r\n")


class NatsClient(asyncio.Protocol):
    """A connection for requests. A reply is matched to its request by the number in its subject."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[tuple[bool, bytes]]] = {}
        self._rest = b""
        self._asked = 0
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT, and subscribe to the replies."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "lang": "bench",
        }
        transport.write(b"CONNECT %s\r\nSUB %s* 1\r\n" % (json.dumps(options).encode(), _INBOX))

    def request(self, subject: str, payload: bytes) -> asyncio.Future[tuple[bool, bytes]]:
        """Send a request. The result: whether the reply is no error, and its payload."""
        loop = asyncio.get_running_loop()
        self._asked += 1
        answer = self._waiting[self._asked] = loop.create_future()
        if not self._out:
            loop.call_soon(self._flush)
        self._out.append(
            b"PUB %s %s%d %d\r\n%s\r\n" % (subject.encode(), _INBOX, self._asked, len(payload), payload)
        )
        return answer

    def data_received(self, data: bytes) -> None:
        """Parse replies."""
        data = self._rest + data
        at = 0
        while at < len(data):
            head = _HEAD.match(data, at)
            if head is None:
                end = data.find(b"\r\n", at)
                if end < 0 or data.startswith((b"MSG", b"HMSG"), at):
                    break
                if data.startswith(b"PING", at):
                    self._out.append(b"PONG\r\n")
                    self._flush()
                at = end + 2
                continue
            end = head.end() + int(head[4])
            if end + 2 > len(data):
                break
            answer = self._waiting.pop(int(head[2]), None)
            if answer is not None and not answer.done():
                answer.set_result((not head[1], data[head.end() + int(head[3] or 0) : end]))
            at = end + 2
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all pending requests."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(exc or ConnectionError("the broker closed the connection"))

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        assert self._transport is not None
        self._transport.write(b"".join(self._out))
        self._out.clear()


async def connect_nats(port: int) -> NatsClient:
    """Connect to the broker on this machine."""
    _, client = await asyncio.get_running_loop().create_connection(NatsClient, "127.0.0.1", port)
    return client


async def register(client: NatsClient, name: str) -> str:
    """Register ``name`` and return the user's id; idempotent.

    Raises:
        ConnectionError: refused.
    """
    request = RegisterRequest(name=name, client_id=f"bench {name}")
    async with asyncio.timeout(ANSWER_SECONDS):
        done, answer = await client.request(endpoints.REGISTER.subject, encode(request))
    if not done:
        raise ConnectionError(f"registering was refused: {answer[:200]!r}")
    return decode(contract_of(RegisterReply), answer).user.id
