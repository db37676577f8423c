"""Clients of `/api/v1`: a chat user with a WebSocket, and a reader of the event stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.gateway.tests.kit.portal import Address

PATIENCE_SECONDS = 30.0
SUBPROTOCOL = "opsroom.v1"

Frame = dict[str, Any]
NO_POSITION: Mapping[str, object] = MappingProxyType({})


def position_of(frame: Frame) -> Frame:
    """Return the ``epoch`` and ``timestamp`` of a frame or list that has them."""
    return {key: frame[key] for key in ("epoch", "timestamp") if key in frame}


@dataclass(slots=True)
class Person:
    """A chat user with an open socket. ``welcome``: the ``welcome`` frame."""

    socket: ClientConnection
    token: str
    welcome: Frame

    async def receive(self, *types: str) -> Frame:
        """Return the next frame, or the next of ``types``."""
        while True:
            async with asyncio.timeout(PATIENCE_SECONDS):
                frame: Frame = json.loads(await self.socket.recv())
            if not types or frame["type"] in types:
                return frame

    async def next_about(self, name: str) -> Frame:
        """Return the next frame about the user ``name``."""
        while (frame := await self.receive("joined", "left", "message"))["user"]["name"] != name:
            pass
        return frame

    async def send(self, frame: object) -> None:
        """Send text or bytes unchanged, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def say(self, text: str, client_id: str | None = None) -> Frame:
        """Send a chat message. Returns the acknowledgement or the error."""
        return await self.request("send", client_id, text=text)

    async def request(self, kind: str, client_id: str | None = None, **fields: object) -> Frame:
        """Send a frame with a ``clientId``, to ``general``. Returns the acknowledgement or the error."""
        chosen = client_id or uuid4().hex
        await self.send({"type": kind, "clientId": chosen, "room": "general", **fields})
        while (response := await self.receive("ack", "error")).get("clientId") != chosen:
            pass
        return response

    async def closed(self) -> int:
        """Read until the server closes the socket. Returns the close code."""
        return await close_code(self.socket)


async def close_code(socket: ClientConnection) -> int:
    """Read until the server closes the socket. Returns the close code."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closed:
            return 1006 if closed.rcvd is None else closed.rcvd.code


async def token_of(address: Address, name: str | None = None) -> str:
    """Register ``name``, or a random name. Returns the token."""
    async with address.requests() as client:
        response = await client.post("/api/v1/chat/users", json={"name": name or f"p-{uuid4().hex[:20]}"})
    assert response.status_code == 201, response.text
    token: str = response.json()["token"]
    return token


@asynccontextmanager
async def raw_socket(address: Address) -> AsyncIterator[ClientConnection]:
    """Open a socket without sending a hello."""
    url = address.ws + "/api/v1/chat/ws"
    async with connect(url, subprotocols=[SUBPROTOCOL], compression=None, max_queue=None) as socket:  # type: ignore[list-item]
        yield socket


@asynccontextmanager
async def person(
    address: Address,
    token: str | None = None,
    *,
    since: int | None = None,
    name: str | None = None,
    position: Mapping[str, object] = NO_POSITION,
    unread: bool = False,
    hello: Mapping[str, object] = NO_POSITION,
) -> AsyncIterator[Person]:
    """Open a socket, send a hello, and wait for the welcome.

    ``position``: ``epoch`` and ``timestamp`` to send with ``since``. ``unread``: as in the hello. ``hello``:
    more of its fields.
    """
    chosen = token or await token_of(address, name)
    async with raw_socket(address) as socket:
        first: Frame = {"type": "hello", "token": chosen, **position, **hello}
        if since is not None:
            first["since"] = since
        if unread:
            first["unread"] = True
        await socket.send(json.dumps(first))
        async with asyncio.timeout(PATIENCE_SECONDS):
            welcome = json.loads(await socket.recv())
        assert welcome["type"] == "welcome", welcome
        yield Person(socket, chosen, welcome)


@dataclass(slots=True)
class Events:
    """The event stream, read event by event."""

    lines: AsyncIterator[str]
    seen: list[Frame] = field(default_factory=list)

    async def next(self) -> Frame:
        """Return the next event as ``event``, ``id`` and ``data``; comments are skipped."""
        event: Frame = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self.lines:
                if not line and event:
                    self.seen.append(event)
                    return event
                name, _, value = line.partition(": ")
                if name in {"event", "id"}:
                    event[name] = value
                elif name == "data":
                    event["data"] = json.loads(value)
        raise AssertionError("the stream ended")

    async def until(self, kind: str, **wanted: object) -> Frame:
        """Return the data of the next change of ``kind`` with the fields ``wanted``."""
        while True:
            data: Frame = (await self.next())["data"]
            if data.get("type") == kind and all(data.get(key) == value for key, value in wanted.items()):
                return data


@asynccontextmanager
async def events(
    address: Address,
    since: int | None = None,
    last_event_id: str | None = None,
    position: Mapping[str, object] = NO_POSITION,
) -> AsyncIterator[Events]:
    """Open the event stream, resumed from ``since`` or ``last_event_id`` if given.

    ``position``: ``epoch`` and ``timestamp`` to send with ``since``.
    """
    params: dict[str, Any] = ({} if since is None else {"since": since}) | dict(position)
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    async with address.requests() as client:
        async with client.stream("GET", "/api/v1/cloud/events", params=params, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["Content-Type"].startswith("text/event-stream")
            yield Events(response.aiter_lines())


async def created(client: httpx.AsyncClient, stream: Events) -> str:
    """Create an instance and wait until it exists. Returns its id."""
    response = await client.post("/api/v1/cloud/instances")
    assert response.status_code == 202, response.text
    instance_id: str = response.json()["operation"]["instanceId"]
    await stream.until("created", instanceId=instance_id)
    return instance_id
