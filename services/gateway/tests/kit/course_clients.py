"""A client of the course contract's chat that records all received frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect

from services.gateway.tests.kit.portal import Address

PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class CourseClient:
    """A socket. ``seen``: all received frames, unchanged."""

    socket: ClientConnection
    seen: list[str | bytes] = field(default_factory=list)

    async def receive(self) -> str | bytes:
        """Return the next frame."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            frame = await self.socket.recv()
        self.seen.append(frame)
        return frame

    async def send(self, frame: object) -> None:
        """Send text or bytes unchanged, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def listed(self, *names: str) -> list[dict[str, str]]:
        """Read until a user list has exactly ``names``, in this order. Returns the list."""
        while True:
            users = as_list(await self.receive())
            if users is not None and [person["name"] for person in users] == list(names):
                return users

    async def sees(self, user: dict[str, str]) -> list[dict[str, str]]:
        """Read until a user list contains ``user``. Returns the list."""
        while (users := as_list(await self.receive())) is None or user not in users:
            pass
        return users

    async def misses(self, user: dict[str, str]) -> list[dict[str, str]]:
        """Read until a user list does not contain ``user``. Returns the list."""
        while (users := as_list(await self.receive())) is None or user in users:
            pass
        return users

    async def message(self) -> str | bytes:
        """Read until a frame that is not a user list."""
        while as_list(frame := await self.receive()) is not None:
            pass
        return frame

    async def until_own_message(self) -> list[str | bytes]:
        """Send a message and read up to it. Returns the frames before it."""
        marker = json.dumps({"type": "send", "marker": uuid4().hex})
        await self.socket.send(marker)
        before: list[str | bytes] = []
        while (frame := await self.receive()) != marker:
            before.append(frame)
        return before


@asynccontextmanager
async def course_client(address: Address, agent: str, path: str = "/chat") -> AsyncIterator[CourseClient]:
    """Open a socket below the mount with the user agent ``agent``."""
    # Unbounded: a client with a full queue stops reading, even the response to its close.
    async with connect(
        address.ws + path, user_agent_header=agent, compression=None, max_queue=None
    ) as socket:
        yield CourseClient(socket)


async def register(address: Address, agent: str, name: str) -> dict[str, str]:
    """Register ``name``. Returns the user."""
    async with address.requests(agent) as client:
        return await registered(client, name)


async def registered(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    """Register ``name``. Returns the user."""
    response = await client.post("/chat/new-user", json={"name": name})
    assert response.status_code == 200, response.text
    user: dict[str, str] = response.json()["user"]
    return user


def as_list(frame: str | bytes) -> list[dict[str, str]] | None:
    """Return the users of a user list; None for any other frame."""
    if isinstance(frame, bytes) or not frame.startswith("["):
        return None
    users: list[dict[str, str]] = json.loads(frame)
    return users
