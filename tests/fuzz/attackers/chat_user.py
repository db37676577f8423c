"""A chat user with many sockets at once, all of whose frames are kept."""

import asyncio
import json
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from opsroom_testkit.waiting import until
from services.gateway.tests.kit.api_clients import Frame, raw_socket
from services.gateway.tests.kit.portal import Address


@dataclass(slots=True)
class UserSocket:
    """A chat socket. ``closed``: its close code."""

    socket: ClientConnection
    frames: list[Frame] = field(default_factory=list)
    closed: int | None = None

    @property
    def welcomed(self) -> bool:
        """Whether the hello was accepted."""
        return any(one["type"] == "welcome" for one in self.frames)

    async def read(self) -> None:
        """Read until it is closed."""
        with suppress(ConnectionClosed):
            async for data in self.socket:
                self.frames.append(json.loads(data))
        self.closed = self.socket.close_code or 1006

    async def say(self, text: str) -> Frame | None:
        """Send a message whose client id is its text. Returns the reply; None: the socket was closed."""
        before = len(self._replies(text))
        with suppress(ConnectionClosed):
            frame = {"type": "send", "clientId": text.replace(" ", "-"), "room": "general", "text": text}
            await self.socket.send(json.dumps(frame))
        await until(lambda: len(self._replies(text)) > before or self.closed is not None)
        return next(reversed(self._replies(text)), None)

    def has_removed(self, message_id: str) -> bool:
        """Return whether the removal of a message was received."""
        return any(one["type"] == "removed" and one["id"] == message_id for one in self.frames)

    def shown(self, after_removal_of: str | None = None) -> set[str]:
        """Return the texts of the messages received, all or those after a removal."""
        start = 0
        if after_removal_of is not None:
            removals = [n for n, one in enumerate(self.frames) if one.get("id") == after_removal_of]
            start = next((n for n in removals if self.frames[n]["type"] == "removed"), len(self.frames))
        return {one["text"] for one in self.frames[start:] if one["type"] == "message"}

    def _replies(self, text: str) -> list[Frame]:
        wanted = text.replace(" ", "-")
        return [
            one for one in self.frames if one["type"] in {"ack", "error"} and one.get("clientId") == wanted
        ]


class ChatUser:
    """A registered user. Its sockets are closed at the end."""

    def __init__(self, name: str, token: str, gateways: tuple[Address, Address]) -> None:
        self.name = name
        self.gateways = gateways
        self.sockets: list[UserSocket] = []
        self._token = token
        self._stack = AsyncExitStack()
        self._reading: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def open(self, address: Address, since: int | None = None) -> UserSocket:
        """Open a socket and send a hello, without waiting for the reply."""
        opened = UserSocket(await self._stack.enter_async_context(raw_socket(address)))
        self.sockets.append(opened)
        self._reading.append(asyncio.create_task(opened.read()))
        hello: Frame = {"type": "hello", "token": self._token}
        if since is not None:
            hello["since"] = since
        with suppress(ConnectionClosed):
            await opened.socket.send(json.dumps(hello))
        return opened
