"""A receiver of webhooks: checks each request with the reference library, and answers as a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came, and its body if its signature was right."""

    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def id(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request is answered. ``status`` None: the connection is closed without an answer.

    ``slow``: nothing is answered before the test ends.
    """

    status: int | None = 200
    headers: tuple[str, ...] = ()
    body: bytes = b""
    slow: bool = False


OK = Answer()


@dataclass(slots=True)
class Receiver:
    """``answers``: of the next requests; after that, ``usual``. ``secrets``: one of them must fit."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    usual: Answer = OK
    problems: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    """The ids of the events that were answered with success."""
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def ids(self) -> list[str]:
        """The ids of all requests, in their order."""
        return [one.id for one in self.requests]

    @property
    def types(self) -> list[str]:
        """The types of all requests, in their order."""
        return [one.body["type"] for one in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections.add(writer)
        try:
            while await self._respond(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        if not first.startswith("POST "):
            self.problems.append(first)
        self._check(headers, body)
        self.requests.append(Request(headers, json.loads(body)))
        answer = self.answers.pop(0) if self.answers else self.usual
        if answer.slow:
            await reader.read()
        if answer.slow or answer.status is None:
            return False
        if 200 <= answer.status < 300:
            self.accepted.append(headers["webhook-id"])
        more = "".join(f"{one}\r\n" for one in answer.headers)
        start = f"HTTP/1.1 {answer.status} X\r\n{more}Content-Length: {len(answer.body)}\r\n\r\n"
        writer.write(start.encode() + answer.body)
        await writer.drain()
        return True

    def _check(self, headers: dict[str, str], body: bytes) -> None:
        errors = []
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                errors.append(f"{type(error).__name__}: {error}")
        if len(errors) == len(self.secrets):
            self.problems += errors or ["no secret is known"]


@asynccontextmanager
async def receiver(port: int = 0) -> AsyncIterator[Receiver]:
    """Run a receiver on this machine."""
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", port)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/events"
    async with server:
        yield made
        for writer in list(made.connections):
            writer.close()
