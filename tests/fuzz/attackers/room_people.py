"""The people of a room, each with a socket and an HTTP client at both gateways."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from opsroom_testkit.waiting import until
from services.gateway.tests.kit.api_clients import Frame
from services.gateway.tests.kit.portal import Address
from tests.fuzz.attackers.chat_user import ChatUser, UserSocket
from tests.fuzz.attackers.servers import check_problem

CHAT = "/api/v1/chat"


@dataclass(slots=True)
class RoomPerson:
    """A registered user. ``clients``: by gateway; ``user``: their sockets."""

    id: str
    user: ChatUser
    clients: tuple[httpx.AsyncClient, ...]

    async def request(self, gateway: int, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request to a path below ``/api/v1``. A refusal must be a proper one.

        Raises:
            AssertionError: the response is the server's own error, or does not say what is wrong.
        """
        response = await self.clients[gateway].request(method, f"/api/v1{path}", **more)
        if response.status_code >= 400:
            check_problem(response)
        return response

    async def accepted(self, gateway: int, method: str, path: str, **more: Any) -> Any:
        """Send a request that must be accepted; return the body of the response."""
        response = await self.request(gateway, method, path, **more)
        assert response.status_code < 300, f"{method} {path}: {response.text[:300]}"
        return response.json() if response.content else None

    def received(self, room: str) -> list[list[Frame]]:
        """Return what each socket has received about ``room``, in the order of arrival."""
        return [[one for one in socket.frames if _room_of(one) == room] for socket in self.user.sockets]

    async def caught_up(self, seq: int) -> None:
        """Wait until each open socket has received a message of ``general`` with this sequence."""
        await until(lambda: all(one.closed or _has(one, seq) for one in self.user.sockets))


def _room_of(frame: Frame) -> str | None:
    room = frame.get("room")
    found: str | None = room.get("id") if isinstance(room, dict) else room
    return found


def _has(socket: UserSocket, seq: int) -> bool:
    return any(one["type"] == "message" and one["seq"] >= seq for one in reversed(socket.frames))


@asynccontextmanager
async def room_people(gateways: tuple[Address, Address], count: int) -> AsyncIterator[list[RoomPerson]]:
    """Register ``count`` people, and open their sockets at both gateways."""
    async with AsyncExitStack() as stack:
        people = [await _registered(stack, gateways) for _ in range(count)]
        for address in gateways:  # one after the other, so that each person's first socket is at the first
            await asyncio.gather(*(one.user.open(address) for one in people))
        await until(lambda: all(socket.welcomed for one in people for socket in one.user.sockets))
        yield people


async def _registered(stack: AsyncExitStack, gateways: tuple[Address, Address]) -> RoomPerson:
    name = f"r{uuid4().hex[:16]}"
    async with gateways[0].requests() as client:
        made = (await client.post(f"{CHAT}/users", json={"name": name})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    # A kept-alive connection may be closed for its age just when it is used again.
    once = httpx.Limits(max_keepalive_connections=0)
    clients = [
        await stack.enter_async_context(
            httpx.AsyncClient(base_url=one.http, headers=headers, limits=once, timeout=30.0, verify=False)
        )
        for one in gateways
    ]
    user = await stack.enter_async_context(ChatUser(name, made["token"], gateways))
    return RoomPerson(made["user"]["id"], user, tuple(clients))


async def marker(person: RoomPerson) -> int:
    """Send a message that everybody gets; return its sequence."""
    sent = await person.accepted(0, "POST", "/chat/rooms/general/messages", json={"text": "a marker"})
    seq: int = sent["seq"]
    return seq
